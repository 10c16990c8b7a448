//! Writes the methods of blocking types that only pass on what the async ones of the same names say.

/// Each waits where the async method of the same name is awaited, and gives what it gives.
macro_rules! waits {
    ($of:path: $($name:ident $(<$t:ident: $bound:path>)? ($($arg:ident: $takes:ty),*) -> $gives:ty;)+) => {$(
        #[doc = concat!(
            "Waits for [`", stringify!($name), "`](", stringify!($of), "::", stringify!($name), ")."
        )]
        ///
        /// # Errors
        ///
        /// As there; and E0601 in async code, where it does nothing.
        pub fn $name $(<$t: $bound>)? (&self $(, $arg: $takes)*) -> $gives {
            self.carrier.wait(concat!(stringify!($name), "()"), self.inner.$name($($arg),*))?
        }
    )+};
}

/// Each sets what the async method of the same name sets.
macro_rules! sets {
    ($of:path: $($name:ident($($arg:ident: $takes:ty),*);)+) => {$(
        #[doc = concat!(
            "As [`", stringify!($name), "`](", stringify!($of), "::", stringify!($name), ")."
        )]
        pub fn $name(mut self $(, $arg: $takes)*) -> Self {
            self.inner = self.inner.$name($($arg),*);
            self
        }
    )+};
}

pub(super) use {sets, waits};
