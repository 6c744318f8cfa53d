//! Files that a person names: a pipe or a device in the place of one is told of, and never waited for.

use std::{
    fs::{self, File, FileType, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

/// Most bytes of a file with certificates or a key: the roots of a whole system have a few hundred thousand.
const LIMIT: u64 = 16 << 20;

/// Opens a file to read it.
///
/// # Errors
/// As the system says it, and where it is no regular file: reading a pipe, or some devices, would last for ever.
pub fn open(path: &Path) -> io::Result<File> {
    // Before it is opened, since there are devices that do something then.
    refuse_others(fs::metadata(path)?.file_type())?;
    let mut options = OpenOptions::new();
    options.read(true);
    // It may be another by now: a pipe would wait for its other end.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nix::libc::O_NONBLOCK);
    let file = options.open(path)?;
    refuse_others(file.metadata()?.file_type())?;
    Ok(file)
}

/// A file's bytes, as far as it can be one of certificates and keys.
///
/// # Errors
/// As [`open`], and where it is larger.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata()?.len().min(LIMIT);
    // With room for all of it from the start: of a key, a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LIMIT {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 16 MiB")),
        false => Ok(bytes),
    }
}

fn refuse_others(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}, not a file", what_it_is(kind))))
}

fn what_it_is(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, process::Command, sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn what_is_no_file_is_told_of_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let table = [
            (pipe, "it is a pipe, not a file"),
            (link, "it is a pipe, not a file"),
            (socket, "it is a socket, not a file"),
            ("/dev/zero".into(), "it is a device, not a file"),
            (folder.path().to_owned(), "it is a folder, not a file"),
        ];
        for (path, expected) in table {
            let (sender, answer) = mpsc::channel();
            let name = path.display().to_string();
            thread::spawn(move || sender.send(read(&path).map_err(|error| error.to_string())));
            let read = answer.recv_timeout(Duration::from_secs(10)).expect("it is not waited for");
            assert_eq!(read.unwrap_err(), expected, "{name}");
        }
    }

    #[test]
    fn a_file_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "text").unwrap();
        assert_eq!(read(file.path()).unwrap(), b"text");
        assert_eq!(read(&file.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        File::create(file.path()).unwrap().set_len(LIMIT + 1).unwrap();
        assert_eq!(read(file.path()).unwrap_err().to_string(), "it is larger than 16 MiB");
    }
}
