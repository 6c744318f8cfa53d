//! Whether git would commit what is in a file: its name is looked up in the index of the repository that holds it (`man 5 gitformat-index`).
//!
//! Git itself is not run: a repository's own configuration can make it run programs.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::regular_file;

/// Most bytes of an index: one of half a million files.
const INDEX_LIMIT: u64 = 64 << 20;

/// Most bytes of a `.git` that is a file: it holds one path.
const LINK_LIMIT: u64 = 4096;

/// The bytes before an entry's hash: times, device, inode, mode, owner, size.
const STAT: usize = 40;

/// The length of a hash, SHA-1 or SHA-256. An index does not say which.
const HASHES: [usize; 2] = [20, 32];

/// In an entry's flags: two more bytes of them follow.
const EXTENDED: u16 = 0x4000;

/// In an entry's flags, and in the further ones: what the file holds is not looked at, and so not committed
/// (`git update-index --assume-unchanged`, `--skip-worktree`).
const ASSUME_UNCHANGED: u16 = 0x8000;
const SKIP_WORKTREE: u16 = 0x4000;

/// In an entry's flags: the length of its name, or this where it is longer.
const NAME_LENGTH: u16 = 0x0fff;

/// The indexes of repositories, each read once.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    /// By the top of the checkout: the names that git tracks; `None` where there is no index that can be read here.
    known: Mutex<HashMap<PathBuf, Option<Names>>>,
}

/// Names below the top of a checkout, as an index writes them.
type Names = HashSet<Vec<u8>>;

impl Indexes {
    /// Whether git tracks the file and looks at what is in it. False too where there is no repository, or its index is not one
    /// that can be read here.
    pub(super) fn track(&self, file: &Path) -> bool {
        self.is_tracked(file).unwrap_or(false)
    }

    fn is_tracked(&self, file: &Path) -> Option<bool> {
        // What a link points to is what holds the key.
        let file = file.canonicalize().ok()?;
        let (root, repository) = file.ancestors().skip(1).find_map(|root| Some((root, repository_of(root)?)))?;
        let inside = file.strip_prefix(root).ok()?;
        let parts: Vec<_> = inside.iter().map(|part| part.as_encoded_bytes()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let names = known.entry(root.to_owned()).or_insert_with(|| {
            let index = read(&repository.join("index"), INDEX_LIMIT)?;
            names(&index)
        });
        Some(names.as_ref()?.contains(&parts.join(&b'/')))
    }
}

/// The repository's folder where `root` is the top of a checkout: `.git`, or what a file of that name points to, in a
/// further checkout of one repository and in a submodule.
fn repository_of(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if fs::metadata(&git).ok()?.is_dir() {
        return Some(git);
    }
    let link = String::from_utf8(read(&git, LINK_LIMIT)?).ok()?;
    Some(root.join(link.strip_prefix("gitdir: ")?.trim_end_matches(['\r', '\n'])))
}

/// A file's bytes; nothing where it has more than `limit`, or is none that ends.
fn read(file: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    regular_file::open(file).ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// The names in an index that git looks at. Nothing where it is no index.
fn names(index: &[u8]) -> Option<Names> {
    HASHES.into_iter().find_map(|hash| names_with(index, hash))
}

fn names_with(index: &[u8], hash: usize) -> Option<Names> {
    let mut rest = index.strip_prefix(b"DIRC")?;
    let version = u32::from_be_bytes(*take_array(&mut rest)?);
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = u32::from_be_bytes(*take_array(&mut rest)?);
    let (mut name, mut names) = (Vec::new(), Names::new());
    for _ in 0..count {
        let before = rest.len();
        take(&mut rest, STAT + hash)?;
        let flags = u16::from_be_bytes(*take_array(&mut rest)?);
        let further = if flags & EXTENDED != 0 { u16::from_be_bytes(*take_array(&mut rest)?) } else { 0 };
        let is_passed_over = flags & ASSUME_UNCHANGED != 0 || further & SKIP_WORKTREE != 0;
        // Version 4 writes what differs from the name before.
        let kept = if version == 4 { name.len().checked_sub(take_count(&mut rest)?)? } else { 0 };
        name.truncate(kept);
        let length = rest.iter().position(|byte| *byte == 0)?;
        name.extend_from_slice(take(&mut rest, length)?);
        // With a hash of the other length this is another place in the file.
        if usize::from(flags & NAME_LENGTH) != name.len().min(NAME_LENGTH.into()) {
            return None;
        }
        let zeros = if version == 4 { 1 } else { 8 - (before - rest.len()) % 8 };
        if take(&mut rest, zeros)?.iter().any(|byte| *byte != 0) {
            return None;
        }
        if !is_passed_over {
            names.insert(name.clone());
        }
    }
    Some(names)
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    rest.split_off(..count)
}

fn take_array<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(taken)
}

/// A number of seven bits a byte, the highest first, each further byte beginning where one less could not reach.
fn take_count(rest: &mut &[u8]) -> Option<usize> {
    let mut count = 0_usize;
    loop {
        let [byte] = *take_array(rest)?;
        count = count.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some(count);
        }
        count = count.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn contains(index: &[u8], name: &[u8]) -> Option<bool> {
        names(index).map(|names| names.contains(name))
    }

    fn tracks(file: &Path) -> bool {
        Indexes::default().track(file)
    }

    /// An entry as versions 2 and 3 write it.
    fn entry(name: &str, hash: usize, extended: bool) -> Vec<u8> {
        let flags = u16::try_from(name.len()).unwrap().min(NAME_LENGTH) | if extended { EXTENDED } else { 0 };
        let mut entry = [vec![1; STAT + hash], flags.to_be_bytes().to_vec()].concat();
        entry.extend(extended.then_some([0, 0]).into_iter().flatten());
        entry.extend(name.bytes());
        entry.resize((entry.len() / 8 + 1) * 8, 0);
        entry
    }

    fn index(version: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).unwrap();
        [b"DIRC", &version.to_be_bytes()[..], &count.to_be_bytes(), &entries.concat(), b"TREE and a hash"].concat()
    }

    /// What version 4 writes: how much of the name before is not kept, and what follows.
    fn short_entry(length: u16, cut: &[u8], rest: &str) -> Vec<u8> {
        [&[1; STAT + 20][..], &length.to_be_bytes(), cut, rest.as_bytes(), b"\0"].concat()
    }

    #[test]
    fn each_version_and_both_hashes() {
        let long = "folder/".repeat(700);
        for hash in HASHES {
            for (version, extended) in [(2, false), (3, false), (3, true)] {
                let names = ["a", "destinations/youtube.toml", &long, "сезам.toml"];
                let index = index(version, &names.map(|name| entry(name, hash, extended)));
                for name in names {
                    assert_eq!(contains(&index, name.as_bytes()), Some(true), "{version} {hash} {name}");
                }
                for name in ["", "b", "youtube.toml", "destinations", "destinations/youtube.tom"] {
                    assert_eq!(contains(&index, name.as_bytes()), Some(false), "{version} {hash} {name}");
                }
            }
        }
        let long_name = format!("a/{}", "x".repeat(300));
        let index = index(
            4,
            &[
                short_entry(11, &[0], "a/b/c/d.txt"),
                short_entry(7, &[7], "e.z"),
                short_entry(302, &[5], &"x".repeat(300)),
                // 300 = (1 + 1) * 128 + 44
                short_entry(3, &[0x81, 44], "y"),
            ],
        );
        for name in ["a/b/c/d.txt", "a/b/e.z", &long_name, "a/y"] {
            assert_eq!(contains(&index, name.as_bytes()), Some(true), "{name}");
        }
        assert_eq!(contains(&index, b"e.z"), Some(false));
    }

    #[test]
    fn what_is_no_index_says_nothing() {
        let whole = index(2, &[entry("a", 20, false), entry("b", 20, false)]);
        let end = whole.len() - b"TREE and a hash".len();
        for cut in 0..end {
            assert_eq!(contains(&whole[..cut], b"a"), None, "cut at {cut}");
        }
        assert_eq!(contains(&index(1, &[]), b"a"), None);
        assert_eq!(contains(&index(5, &[]), b"a"), None);
        assert_eq!(contains(&index(2, &[]), b"a"), Some(false));
        let claims_much = [b"DIRC", &2_u32.to_be_bytes()[..], &[0xff; 4], &[1; 100]].concat();
        assert_eq!(contains(&claims_much, b"a"), None);
        let cuts_too_much = index(4, &[short_entry(1, &[9], "a")]);
        assert_eq!(contains(&cuts_too_much, b"a"), None);
        let endless_number = index(4, &[short_entry(1, &[0xff; 30], "a")]);
        assert_eq!(contains(&endless_number, b"a"), None);
    }

    /// Git with nobody's settings, or nothing where it is not installed.
    fn git(folder: &Path, arguments: &[&str]) -> Option<()> {
        let mut git = Command::new("git");
        git.current_dir(folder).args(["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]).args(arguments);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
            git.env_remove(variable);
        }
        let status = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        assert!(status.success(), "git {arguments:?}");
        Some(())
    }

    #[test]
    fn what_git_itself_writes() {
        for (version, format) in [("2", "sha1"), ("4", "sha1"), ("2", "sha256"), ("4", "sha256")] {
            let top = tempfile::tempdir().unwrap();
            let folder = top.path().join("checkout");
            fs::create_dir_all(folder.join("destinations")).unwrap();
            if git(&folder, &["init", "--quiet", &format!("--object-format={format}")]).is_none() {
                eprintln!("git is not installed: left out");
                return;
            }
            for name in ["youtube.toml", "twitch.toml", "ютуб.toml", "later.toml", "mine.toml"] {
                fs::write(folder.join("destinations").join(name), "").unwrap();
            }
            let file = |name: &str| folder.join("destinations").join(name);
            assert!(!tracks(&file("youtube.toml")), "there is no index yet");
            git(&folder, &["update-index", "--index-version", version]);
            git(&folder, &["add", "destinations/youtube.toml", "destinations/twitch.toml", "destinations/ютуб.toml"]);
            git(&folder, &["add", "--intent-to-add", "destinations/later.toml"]);
            for name in ["youtube.toml", "twitch.toml", "ютуб.toml", "later.toml"] {
                assert!(tracks(&file(name)), "version {version}, {format}: {name}");
            }
            assert!(!tracks(&file("mine.toml")) && !tracks(&file("missing.toml")));

            git(&folder, &["commit", "--quiet", "--message=all"]);
            git(&folder, &["rm", "--quiet", "--cached", "destinations/twitch.toml"]);
            git(&folder, &["update-index", "--skip-worktree", "destinations/youtube.toml"]);
            git(&folder, &["update-index", "--assume-unchanged", "destinations/ютуб.toml"]);
            for name in ["youtube.toml", "twitch.toml", "ютуб.toml"] {
                assert!(!tracks(&file(name)), "each remedy is one: {name}");
            }
            git(&folder, &["update-index", "--no-skip-worktree", "destinations/youtube.toml"]);
            // A further checkout has its own index.
            git(&folder, &["worktree", "add", "--quiet", "../second"]);
            let second = top.path().join("second/destinations");
            assert!(tracks(&second.join("youtube.toml")) && tracks(&second.join("twitch.toml")));
            fs::write(second.join("mine.toml"), "").unwrap();
            assert!(!tracks(&second.join("mine.toml")));
            #[cfg(unix)]
            {
                let link = folder.join("link.toml");
                std::os::unix::fs::symlink(file("youtube.toml"), &link).unwrap();
                assert!(tracks(&link), "what it points to is tracked");
            }
        }
    }

    #[test]
    fn a_repository_that_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.toml");
        fs::write(&file, "").unwrap();
        for git in ["", "gitdir: ", "gitdir: /nowhere\n", "gitdir: ."] {
            fs::write(folder.path().join(".git"), git).unwrap();
            assert!(!tracks(&file), "{git:?}");
        }
        fs::write(folder.path().join("index"), index(2, &[entry("d.toml", 20, false)])).unwrap();
        assert!(tracks(&file), "the last one points here");
        fs::File::create(folder.path().join("index")).unwrap().set_len(INDEX_LIMIT + 1).unwrap();
        assert!(!tracks(&file), "too large");
    }
}
