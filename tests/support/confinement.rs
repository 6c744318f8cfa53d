//! A container's confinement without a container: what the engine does for `docker run --read-only --cap-drop ALL --security-opt
//! no-new-privileges`, by the kernel's own means (util-linux).

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Lays the root: the system's programs and libraries, the program under test, the volumes; all of it read-only but `/state`. Then
/// it becomes nobody, for good. Each step is an `exec`, so that the program has the number of the process that was started.
const SCRIPT: &str = r#"
set -eu
root=$1 program=$2 destinations=$3 state=$4 user=$5
shift 5
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/usr" "$root/proc" "$root/destinations" "$root/state"
for folder in bin lib lib32 lib64 libx32 sbin; do
    if [ -L "/$folder" ]; then
        cp -P "/$folder" "$root/$folder"
    elif [ -d "/$folder" ]; then
        mkdir "$root/$folder"
        mount --bind "/$folder" "$root/$folder"
        mount -o remount,bind,ro "$root/$folder"
    fi
done
: > "$root/forkcast"
mount --bind "$program" "$root/forkcast"
mount -o remount,bind,ro "$root/forkcast"
for folder in usr destinations; do
    [ "$folder" = usr ] && from=/usr || from=$destinations
    mount --bind "$from" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
done
mount --bind "$state" "$root/state"
mount -t proc -o ro proc "$root/proc"
mount -o remount,ro "$root"
exec chroot "$root" setpriv --reuid "$user" --regid "$user" --clear-groups \
    --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs "$@"
"#;

/// The folders that a container of the image has as its volumes, and the user that it runs as.
pub(crate) struct Confinement {
    folder: PathBuf,
    user: u32,
}

impl Confinement {
    /// May this user confine a program so? It takes root, `unshare` and `setpriv`.
    pub(crate) fn can_be_made() -> bool {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--propagation",
            "private",
            "setpriv",
            "--bounding-set=-all",
            "--no-new-privs",
            "true",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Below `folder`: `root`, an empty folder; `destinations` and `state`, which the user owns.
    pub(crate) fn new(folder: &Path, user: u32) -> Self {
        for name in ["root", "destinations", "state"] {
            fs::create_dir_all(folder.join(name)).expect("the folder can be made");
        }
        let confinement = Self { folder: folder.to_owned(), user };
        confinement.give_away(&folder.join("destinations"));
        confinement.give_away(&folder.join("state"));
        confinement
    }

    /// Makes the user the owner, as the Dockerfile tells people to.
    pub(crate) fn give_away(&self, path: &Path) {
        chown(path, Some(self.user), Some(self.user)).expect("root may give files away");
    }

    /// A program inside; the one under test is `/forkcast`.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]);
        command.arg(self.folder.join("root")).arg(env!("CARGO_BIN_EXE_forkcast"));
        command.arg(self.folder.join("destinations")).arg(self.folder.join("state"));
        command.arg(self.user.to_string()).arg(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }
}
