//! Which functions a slave has, and by which number a start names them.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use selsyn_common::proto;

use crate::cell::{Cell, FunctionName};

/// What can be called, as the slave last told it; the numbers hold for one boot of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    names: Vec<String>,
    numbers: HashMap<FunctionName, u32, RandomState>,
    /// What was asked for last: most programs start one function many times.
    last: Option<(FunctionName, u32)>,
}

impl Catalogue {
    /// Reads what the slave told.
    pub(crate) fn new(functions: Vec<proto::Function>) -> Self {
        let names = functions.iter().map(|function| function.name.clone()).collect();
        let numbered = functions.into_iter().filter(|function| function.number > 0);
        let numbers = numbered.map(|known| (FunctionName::new(&known.name), known.number));
        let numbers = numbers.collect();
        Self { names, numbers, last: None }
    }

    /// The names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// The number of a task's function; 0 when it must be named.
    #[inline]
    pub(crate) fn number(&mut self, task: &Cell) -> u32 {
        match &self.last {
            Some((name, number)) if *name == task.function => *number,
            _ => self.look_up(&task.function),
        }
    }

    #[cold]
    fn look_up(&mut self, name: &FunctionName) -> u32 {
        if *name == FunctionName::DEFAULT {
            return 0;
        }
        let number = self.numbers.get(name).copied().unwrap_or(0);
        self.last = Some((name.clone(), number));
        number
    }
}
