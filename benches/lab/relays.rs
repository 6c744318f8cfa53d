//! The relays that are measured: forkcast, what people use today, and the floor.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::{
    floor,
    media::Shape,
    process::{Guard, free_port},
};

const NGINX: &str = "/usr/sbin/nginx";
const NGINX_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
const KEY: &str = "the-key-of-the-benchmark";

/// A relay, by how a user would set it up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Relay {
    /// With these lines in the stream's file.
    Forkcast(&'static str),
    /// nginx with its RTMP module; for RTMPS, a stunnel behind it.
    Nginx,
    /// One FFmpeg whose tee muxer writes to all.
    Ffmpeg,
    /// The floor, with that window.
    Floor(Duration),
}

/// Where the relay is to send.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) destinations: usize,
    /// Over RTMPS, with this certificate authority.
    pub(crate) authority: Option<PathBuf>,
    pub(crate) shape: Shape,
    /// So many streams, each to so many destinations. Only forkcast is measured with more than one.
    pub(crate) streams: usize,
}

impl Target {
    fn urls(&self) -> impl Iterator<Item = String> {
        let scheme = if self.authority.is_some() { "rtmps://localhost" } else { "rtmp://127.0.0.1" };
        let port = self.port;
        (0..self.destinations).map(move |number| format!("{scheme}:{port}/live/key-{number}"))
    }
}

/// A relay that runs.
pub(crate) struct Running {
    pub(crate) processes: Vec<Guard>,
    /// Where to publish, and the keys; `None` for the floor, which makes the stream itself.
    pub(crate) publish: Option<(u16, Vec<String>)>,
    /// From its start to the moment when its port took a connection.
    pub(crate) listened_after: Duration,
    _folder: TempDir,
}

impl Relay {
    /// Its name in a table.
    pub(crate) fn name(&self, is_tls: bool) -> String {
        match self {
            Self::Forkcast("") => "forkcast".to_owned(),
            Self::Forkcast(lines) => format!("forkcast, `{}`", lines.trim()),
            Self::Nginx if is_tls => "nginx-rtmp with stunnel".to_owned(),
            Self::Nginx => "nginx-rtmp".to_owned(),
            Self::Ffmpeg => "FFmpeg's tee muxer".to_owned(),
            Self::Floor(window) if window.is_zero() => "the floor, a write for each message".to_owned(),
            Self::Floor(window) => format!("the floor, {} ms", window.as_millis()),
        }
    }

    /// What of it this machine lacks.
    pub(crate) fn is_missing(&self, is_tls: bool) -> Option<&'static str> {
        let has = |program: &str| {
            Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        match self {
            Self::Nginx if !Path::new(NGINX_MODULE).exists() => Some("libnginx-mod-rtmp"),
            Self::Nginx if is_tls && !has("stunnel4") => Some("stunnel4"),
            Self::Ffmpeg if !has("ffmpeg") => Some("ffmpeg"),
            _ => None,
        }
    }

    pub(crate) fn start(&self, target: &Target) -> Running {
        let folder = TempDir::new().expect("a folder can be made");
        let began = Instant::now();
        let (mut processes, publish) = match self {
            Self::Forkcast(lines) => forkcast(folder.path(), target, lines),
            Self::Nginx => nginx(folder.path(), target),
            Self::Ffmpeg => ffmpeg(folder.path(), target),
            Self::Floor(window) => (vec![start_floor(folder.path(), target, *window)], None),
        };
        if let Some((port, _)) = &publish {
            processes[0].wait_for_port(*port);
        }
        Running { processes, publish, listened_after: began.elapsed(), _folder: folder }
    }
}

type Started = (Vec<Guard>, Option<(u16, Vec<String>)>);

/// Writes the folder of what `target` says; gives the command that serves it, and its port.
pub(crate) fn forkcast_command(folder: &Path, target: &Target, lines: &str) -> (Command, u16) {
    let destinations = folder.join("destinations");
    for index in 0..target.streams {
        let inside = if index == 0 { destinations.clone() } else { destinations.join(format!("stream-{index}")) };
        fs::create_dir_all(&inside).expect("a temporary folder can be written");
        write(&inside.join("stream.toml"), &format!("key = \"{}\"\n{lines}\n", key(index)));
        for number in 0..target.destinations {
            let authority = target.authority.as_ref().map(|file| format!("ca_file = \"{}\"\n", file.display()));
            let (scheme, port) =
                (if authority.is_some() { "rtmps://localhost" } else { "rtmp://127.0.0.1" }, target.port);
            let text = format!(
                "url = \"{scheme}:{port}/live\"\nkey = \"key-{index}-{number}\"\n{}",
                authority.unwrap_or_default()
            );
            write(&inside.join(format!("to-{number:04}.toml")), &text);
        }
    }
    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkcast"));
    command
        .current_dir(folder)
        .arg("serve")
        .arg("--destinations")
        .arg(&destinations)
        .arg("--state")
        .arg(folder.join("state"));
    command.arg(format!("--rtmp=127.0.0.1:{port}")).arg(format!("--http=127.0.0.1:{}", free_port()));
    (command, port)
}

fn key(index: usize) -> String {
    format!("{KEY}-{index}")
}

fn forkcast(folder: &Path, target: &Target, lines: &str) -> Started {
    let (mut command, port) = forkcast_command(folder, target, lines);
    let keys = (0..target.streams).map(key).collect();
    (vec![Guard::start("forkcast", folder, &mut command)], Some((port, keys)))
}

fn nginx(folder: &Path, target: &Target) -> Started {
    let port = free_port();
    let mut stunnel = None;
    let mut to = target.port;
    if target.authority.is_some() {
        to = free_port();
        let text = format!(
            "foreground = yes\npid =\nsyslog = no\ndebug = err\n[push]\nclient = yes\naccept = 127.0.0.1:{to}\nconnect = 127.0.0.1:{}\n",
            target.port
        );
        let file = folder.join("stunnel.conf");
        write(&file, &text);
        let mut process = Guard::start("stunnel", folder, Command::new("stunnel4").arg(&file));
        process.wait_for_port(to);
        stunnel = Some(process);
    }
    let pushes: String = (0..target.destinations)
        .map(|number| format!("            push rtmp://127.0.0.1:{to}/live/key-{number};\n"))
        .collect();
    let here = folder.display();
    let text = format!(
        "load_module {NGINX_MODULE};
        daemon off;
        master_process off;
        pid {here}/nginx.pid;
        lock_file {here}/nginx.lock;
        error_log stderr error;
        events {{ worker_connections 8192; }}
        rtmp {{
            server {{
                listen 127.0.0.1:{port};
                access_log off;
                chunk_size 4096;
                application live {{
                    live on;
{pushes}
                }}
            }}
        }}"
    );
    let file = folder.join("nginx.conf");
    write(&file, &text);
    let mut command = Command::new(NGINX);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    let nginx = Guard::start("nginx", folder, &mut command);
    ([Some(nginx), stunnel].into_iter().flatten().collect(), Some((port, vec!["key".to_owned()])))
}

fn ffmpeg(folder: &Path, target: &Target) -> Started {
    let port = free_port();
    let outputs: Vec<String> =
        target.urls().map(|url| format!("[f=flv:flvflags=no_duration_filesize:onfail=ignore]{url}")).collect();
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "fatal", "-listen", "1", "-i"]);
    command.arg(format!("rtmp://127.0.0.1:{port}/live/key"));
    command.args(["-c", "copy", "-map", "0", "-f", "tee"]).arg(outputs.join("|"));
    (vec![Guard::start("ffmpeg", folder, &mut command)], Some((port, vec!["key".to_owned()])))
}

fn start_floor(folder: &Path, target: &Target, window: Duration) -> Guard {
    let given = floor::Given {
        port: target.port,
        destinations: target.destinations,
        authority: target.authority.clone(),
        shape: target.shape,
        window,
    };
    let program = std::env::current_exe().expect("a program knows where it is");
    Guard::start(
        "floor",
        folder,
        Command::new(program).args(["floor", &serde_json::to_string(&given).expect("plain data")]),
    )
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("a temporary folder can be written");
    #[cfg(unix)]
    fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("it is our own");
}

/// A certificate for `localhost`, and the authority behind it.
pub(crate) struct Identity {
    folder: TempDir,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder can be made");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority = params.self_signed(&key).expect("a certificate can be made");
        write(&folder.path().join("authority.pem"), &authority.pem());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("the name is valid");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate can be made");
        write(&folder.path().join("certificate.pem"), &certificate.pem());
        write(&folder.path().join("key.pem"), &key.serialize_pem());
        Self { folder }
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Certificate chain and key.
    pub(crate) fn files(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("certificate.pem"), self.folder.path().join("key.pem"))
    }
}
