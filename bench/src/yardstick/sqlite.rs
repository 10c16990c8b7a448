//! SQLite commits that are on disk: WAL, `synchronous=FULL`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::Result;

/// Bytes of a record.
const RECORD: usize = 200;

/// A database beside the program, so that it is on a disk; it goes with this value.
pub(crate) struct Sqlite {
    connection: Connection,
    directory: PathBuf,
}

impl Sqlite {
    pub(crate) fn open() -> Result<Self> {
        let program = std::env::current_exe()?;
        let beside = program.parent().ok_or("the program is in no directory")?;
        let directory = beside.join(format!("selsyn-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let connection = Connection::open(directory.join("records"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, data BLOB)", [])?;
        Ok(Self { connection, directory })
    }

    /// The times of the commits of so many records each that fit into so long, shortest first.
    pub(crate) fn commits(&mut self, records: usize, long: Duration) -> Result<Vec<Duration>> {
        let (begun, mut times) = (Instant::now(), Vec::new());
        while begun.elapsed() < long {
            let one = Instant::now();
            self.commit(records)?;
            times.push(one.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    }

    fn commit(&mut self, records: usize) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO record (data) VALUES (?1)")?;
            for _ in 0..records {
                insert.execute(params![[7_u8; RECORD].as_slice()])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // What stays behind is in the build directory.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
