//! What memory a process has, as the kernel tells it. Linux only.

use std::fs;
use std::io;

/// Makes the peak of a process begin anew; gives the memory in use now, in bytes.
///
/// # Errors
///
/// When there is no such process, or it is somebody else's.
pub fn begin(pid: u32) -> io::Result<usize> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    read(pid, "VmRSS:")
}

/// The most memory that a process had since [`begin`], in bytes.
///
/// # Errors
///
/// As for [`begin`].
pub fn peak(pid: u32) -> io::Result<usize> {
    read(pid, "VmHWM:")
}

fn read(pid: u32, field: &str) -> io::Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.ok_or(io::ErrorKind::InvalidData)?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse().map_err(io::Error::other)?;
    Ok(kib * 1024)
}
