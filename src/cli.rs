//! The command line: what a person, a service file or a container may say, each with where it was said.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind,
    parser::ValueSource,
};

use crate::config::{Given, Origin};

/// What forkcast is to do.
#[derive(Debug)]
pub enum Command {
    /// Run the relay.
    Serve(Given),
    /// Check every file, and say what would happen.
    Check {
        /// The settings of the server, to be put together as for `serve`.
        given: Given,
        /// Print each effective value with where it comes from.
        explain: bool,
        /// Connect to every server.
        connect: bool,
    },
    /// Ask the running relay whether it is well.
    Health(Given),
    /// Make and check stream keys.
    Key(KeyCommand),
    /// Show the main job without an account.
    Demo {
        /// How long, in seconds.
        seconds: u64,
    },
}

/// What is to be done about a stream key.
#[derive(Debug)]
pub enum KeyCommand {
    /// Make one.
    New,
    /// Print the SHA-256 of the one that standard input brings.
    Hash,
    /// Sign one.
    Sign {
        /// Where the stream's secret is found.
        given: Given,
        /// The stream.
        stream: String,
        /// How long it is valid, as it was typed.
        valid_for: String,
        /// The publisher's name in the log.
        id: Option<String>,
    },
    /// Say what the one that standard input brings opens.
    Check {
        /// Where the streams, and the keys that forkcast has made, are found.
        given: Given,
    },
}

impl Command {
    /// Reads the arguments, the program's name first, and the variables `FORKCAST_…` of this process.
    ///
    /// # Errors
    /// An argument that does not exist, or a request for help; `clap::Error::exit` prints it and ends the process.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Cli::command().try_get_matches_from(arguments)?;
        let cli = Cli::from_arg_matches(&matches)?;
        cli.refuse_stream_key()?;
        let given = cli.given(&matches)?;
        Ok(match cli.action {
            None | Some(Action::Serve(_)) => Self::Serve(given),
            Some(Action::Check { explain, connect, .. }) => Self::Check { given, explain, connect },
            Some(Action::Health(_)) => Self::Health(given),
            Some(Action::Key { action }) => Self::Key(match action {
                KeyAction::New => KeyCommand::New,
                KeyAction::Hash => KeyCommand::Hash,
                KeyAction::Sign { stream, valid_for, id, .. } => KeyCommand::Sign { given, stream, valid_for, id },
                KeyAction::Check { .. } => KeyCommand::Check { given },
            }),
            Some(Action::Demo { seconds }) => Self::Demo { seconds },
        })
    }
}

/// The folder where this user's programs keep their state; `state` where the user has no home.
#[must_use]
pub fn default_state() -> PathBuf {
    directories::ProjectDirs::from("", "", "forkcast").map_or_else(
        || PathBuf::from("state"),
        |folders| folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).to_owned(),
    )
}

/// A multistreaming relay: one RTMP or RTMPS publish in, many RTMP and RTMPS destinations out
#[derive(Parser)]
#[command(name = "forkcast", version, max_term_width = 100)]
#[command(after_help = "Each file in the folder `destinations` is one destination. The stream key that a publisher \
    must show is never an argument: it is in `destinations/stream.toml` or FORKCAST_STREAM_KEY, else it is made at the first start.")]
struct Cli {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    action: Option<Action>,
}

impl Cli {
    /// Every user of a machine sees the arguments of its processes.
    fn refuse_stream_key(&self) -> Result<(), clap::Error> {
        let of_action = match &self.action {
            Some(Action::Serve(server) | Action::Check { server, .. } | Action::Health(server)) => Some(server),
            None | Some(Action::Key { .. } | Action::Demo { .. }) => None,
        };
        if [Some(&self.server), of_action].into_iter().flatten().all(|server| server.stream_key.is_none()) {
            return Ok(());
        }
        let message = "a stream key is not an argument, for every user of the machine sees those: \
                       set FORKCAST_STREAM_KEY, or write `key = \"…\"` into stream.toml in the folder of destinations";
        Err(Self::command().error(ErrorKind::UnknownArgument, message))
    }

    /// The settings that stand behind the command, and those before it that it has too.
    fn given(&self, before: &ArgMatches) -> Result<Given, clap::Error> {
        let (mut behind, mut command) = (before, String::new());
        while let Some((name, matches)) = behind.subcommand() {
            behind = matches;
            command = format!("{command} {name}");
        }
        let is_flag = |matches: &ArgMatches, name| matches.value_source(name) == Some(ValueSource::CommandLine);
        let mut given = Given::default();
        for (name, flag, variable) in SETTINGS {
            if !self.action.as_ref().is_none_or(|action| action.has(name)) {
                if is_flag(before, name) {
                    let message = format!("`{flag}` is no option of `forkcast{command}`");
                    return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
                }
                continue;
            }
            let matches = if is_flag(before, name) && !is_flag(behind, name) { before } else { behind };
            let Some(value) = matches.get_one::<String>(name) else { continue };
            match matches.value_source(name) {
                Some(ValueSource::CommandLine) => given.set(name, value, Origin::Flag(flag)),
                // A compose file passes an unset variable on as an empty one.
                Some(ValueSource::EnvVariable) if !value.is_empty() => {
                    given.set(name, value, Origin::Environment(variable.to_owned()))
                }
                _ => {}
            }
        }
        Ok(given)
    }
}

#[derive(Subcommand)]
enum Action {
    /// Run the relay; so does forkcast without a command
    Serve(Server),
    /// Check every file and say what would happen; exits with 2 if anything is wrong
    Check {
        #[command(flatten)]
        server: Server,
        /// Print each effective value with where it comes from
        #[arg(long)]
        explain: bool,
        /// Connect to every server of the destinations that are on, side by side and within 10 seconds, and publish nothing
        #[arg(long)]
        connect: bool,
    },
    /// Ask the running relay whether it is well; exits with 0 if so (for a container's health check)
    Health(Server),
    /// Make and check stream keys; a key is never an argument, it comes by standard input
    Key {
        #[command(subcommand)]
        action: KeyAction,
    },
    /// Show the whole path on this machine: no account, no encoder, four destinations, one of them killed half-way
    Demo {
        /// How long it publishes
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(8..=86_400))]
        seconds: u64,
    },
}

impl Action {
    /// Whether a setting is one of its options.
    fn has(&self, setting: &str) -> bool {
        match self {
            Self::Serve(_) | Self::Check { .. } | Self::Health(_) => true,
            Self::Key { action: KeyAction::Sign { .. } | KeyAction::Check { .. } } => PLACES.contains(&setting),
            Self::Key { .. } | Self::Demo { .. } => false,
        }
    }
}

#[derive(Subcommand)]
enum KeyAction {
    /// Print a new random key, and its digest for `key_sha256`
    New,
    /// Print the line `key_sha256 = "…"` for the key that standard input brings
    Hash,
    /// Print a key for a stream, signed with the secret in its stream.toml
    Sign {
        /// The stream that the key opens
        #[arg(long, default_value = "live")]
        stream: String,
        /// How long a publish may be begun with it, such as 2h or 1d
        #[arg(long = "for", value_name = "TIME", default_value = "1d")]
        valid_for: String,
        /// Who it is for, shown in the log
        #[arg(long, value_name = "NAME")]
        id: Option<String>,
        #[command(flatten)]
        places: Places,
    },
    /// Say which stream the key that standard input brings opens, by what, and until when; exits with 2 if none
    Check {
        #[command(flatten)]
        places: Places,
    },
}

/// Where settings, destinations and keys are.
#[derive(Args)]
struct Places {
    /// File with the settings of the server [default: forkcast.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "FORKCAST_CONFIG", hide_env_values = true)]
    config: Option<String>,
    /// Folder with the destinations [default: destinations]
    #[arg(long, value_name = "DIR", env = "FORKCAST_DESTINATIONS", hide_env_values = true)]
    destinations: Option<String>,
    /// Folder for what forkcast must remember: generated stream keys [default: the user's state folder]
    #[arg(long, value_name = "DIR", env = "FORKCAST_STATE", hide_env_values = true)]
    state: Option<String>,
}

/// The fields of [`Places`].
const PLACES: [&str; 3] = ["config", "destinations", "state"];

/// The settings of the server. The name of each field is its name in `forkcast.toml`.
#[derive(Args)]
struct Server {
    #[command(flatten)]
    places: Places,
    /// Where publishers connect, or off [default: 0.0.0.0:1935]
    #[arg(long, value_name = "ADDR", env = "FORKCAST_RTMP", hide_env_values = true)]
    rtmp: Option<String>,
    /// Where publishers connect with TLS, or off [default: 0.0.0.0:443 where there is a certificate]
    #[arg(long, value_name = "ADDR", env = "FORKCAST_RTMPS", hide_env_values = true)]
    rtmps: Option<String>,
    /// Certificate chain for RTMPS, PEM
    #[arg(long, value_name = "FILE", env = "FORKCAST_TLS_CERT", hide_env_values = true)]
    tls_cert: Option<String>,
    /// Private key for RTMPS, PEM
    #[arg(long, value_name = "FILE", env = "FORKCAST_TLS_KEY", hide_env_values = true)]
    tls_key: Option<String>,
    /// Let each of the two ports take RTMP and RTMPS
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FORKCAST_SHARE_PORTS", hide_env_values = true)]
    share_ports: Option<String>,
    /// Where dashboard, status, metrics and health are served, or off [default: 127.0.0.1:8080,
    /// unless another program has it]
    #[arg(long, value_name = "ADDR", env = "FORKCAST_HTTP", hide_env_values = true)]
    http: Option<String>,
    /// File with the token that is asked for there on an address that others can reach; without one forkcast makes a token
    #[arg(long, value_name = "FILE", env = "FORKCAST_HTTP_TOKEN_FILE", hide_env_values = true)]
    http_token_file: Option<String>,
    /// How long to wait for publishers to leave when told to stop (SIGTERM) [default: 0s]
    #[arg(long, value_name = "TIME", env = "FORKCAST_DRAIN", hide_env_values = true)]
    drain: Option<String>,
    /// Where metrics and health are served by themselves too, for a monitoring network [default: off]
    #[arg(long, value_name = "ADDR", env = "FORKCAST_MONITORING", hide_env_values = true)]
    monitoring: Option<String>,
    /// How much the metrics say: detailed (each stream and destination) or aggregate (sums by platform and state)
    /// [default: detailed]
    #[arg(long, value_name = "MODE", env = "FORKCAST_METRICS", hide_env_values = true)]
    metrics: Option<String>,
    /// What a line of the log is: text, or json (an object) [default: text]
    #[arg(long, value_name = "FORMAT", env = "FORKCAST_LOG_FORMAT", hide_env_values = true)]
    log_format: Option<String>,
    /// Show no live table in the terminal
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FORKCAST_NO_TABLE", hide_env_values = true)]
    no_table: Option<String>,
    /// Do not start while any file is wrong
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FORKCAST_STRICT", hide_env_values = true)]
    strict: Option<String>,
    /// Not an argument: only there to be refused with a sentence, and never repeated
    #[arg(long, alias = "key", hide = true, num_args = 0..=1, default_missing_value = "", value_name = "KEY")]
    stream_key: Option<String>,
}

/// Name of each setting, its flag and its variable.
const SETTINGS: [(&str, &str, &str); 16] = [
    ("config", "--config", "FORKCAST_CONFIG"),
    ("destinations", "--destinations", "FORKCAST_DESTINATIONS"),
    ("state", "--state", "FORKCAST_STATE"),
    ("rtmp", "--rtmp", "FORKCAST_RTMP"),
    ("rtmps", "--rtmps", "FORKCAST_RTMPS"),
    ("tls_cert", "--tls-cert", "FORKCAST_TLS_CERT"),
    ("tls_key", "--tls-key", "FORKCAST_TLS_KEY"),
    ("share_ports", "--share-ports", "FORKCAST_SHARE_PORTS"),
    ("http", "--http", "FORKCAST_HTTP"),
    ("http_token_file", "--http-token-file", "FORKCAST_HTTP_TOKEN_FILE"),
    ("drain", "--drain", "FORKCAST_DRAIN"),
    ("monitoring", "--monitoring", "FORKCAST_MONITORING"),
    ("metrics", "--metrics", "FORKCAST_METRICS"),
    ("log_format", "--log-format", "FORKCAST_LOG_FORMAT"),
    ("no_table", "--no-table", "FORKCAST_NO_TABLE"),
    ("strict", "--strict", "FORKCAST_STRICT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, clap::Error> {
        Command::read(["forkcast"].iter().chain(arguments).map(OsString::from))
    }

    /// The settings that were given, as `name=value (where)`.
    fn settings(given: &Given) -> String {
        let settings: Vec<_> = given.iter().map(|(name, value, origin)| format!("{name}={value} ({origin})")).collect();
        settings.join(", ")
    }

    #[test]
    fn the_definition_is_right() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_what_it_does_without_a_command() {
        for arguments in [
            &["--rtmp", "off", "--strict"][..],
            &["serve", "--rtmp=off", "--strict"],
            &["serve", "--strict=true", "--rtmp", "off"],
        ] {
            let Command::Serve(given) = read(arguments).unwrap() else { panic!("{arguments:?}") };
            assert_eq!(settings(&given), "rtmp=off (flag --rtmp), strict=true (flag --strict)");
        }
        let Command::Serve(given) = read(&[]).unwrap() else { panic!("not serve") };
        assert_eq!(settings(&given), "");
    }

    #[test]
    fn each_command_has_its_flags() {
        let all = ["--config", "--destinations", "--state", "--rtmp", "--rtmps", "--tls-cert", "--tls-key", "--http"];
        let arguments: Vec<_> = all.iter().flat_map(|flag| [*flag, "x"]).collect();
        for command in ["serve", "check", "health"] {
            let arguments: Vec<_> = [command].iter().chain(&arguments).copied().collect();
            let (Command::Serve(given) | Command::Check { given, .. } | Command::Health(given)) =
                read(&arguments).unwrap()
            else {
                panic!("{command}")
            };
            let flags: Vec<_> = given.iter().map(|(.., origin)| origin.to_string().replace("flag ", "")).collect();
            assert!(all.iter().all(|flag| flags.iter().any(|given| given == flag)), "{command}: {flags:?}");
        }
        assert!(matches!(read(&["check", "--explain"]), Ok(Command::Check { explain: true, connect: false, .. })));
        assert!(matches!(read(&["check", "--connect"]), Ok(Command::Check { explain: false, connect: true, .. })));
        assert!(matches!(read(&["demo"]), Ok(Command::Demo { seconds: 20 })));
        assert!(matches!(read(&["demo", "--seconds", "8"]), Ok(Command::Demo { seconds: 8 })));
        assert!(read(&["demo", "--seconds", "7"]).is_err());
    }

    #[test]
    fn what_stands_before_a_command_counts_as_if_it_stood_behind() {
        for (arguments, expected) in [
            (&["--destinations", "x", "check"][..], "destinations=x (flag --destinations)"),
            (
                &["--strict", "--state=y", "serve", "--rtmp", "off"],
                "rtmp=off (flag --rtmp), state=y (flag --state), strict=true (flag --strict)",
            ),
            (&["--http", "off", "health", "--http", "127.0.0.1:8081"], "http=127.0.0.1:8081 (flag --http)"),
            (
                &["--destinations", "x", "key", "check", "--state", "y"],
                "destinations=x (flag --destinations), state=y (flag --state)",
            ),
            (&["--config", "z", "key", "sign"], "config=z (flag --config)"),
        ] {
            let command = read(arguments).unwrap();
            let (Command::Serve(given)
            | Command::Check { given, .. }
            | Command::Health(given)
            | Command::Key(KeyCommand::Sign { given, .. } | KeyCommand::Check { given })) = command
            else {
                panic!("{arguments:?}")
            };
            assert_eq!(settings(&given), expected);
        }
        for (arguments, flag, command) in [
            (&["--rtmp", "off", "demo"][..], "--rtmp", "forkcast demo"),
            (&["--rtmp", "off", "key", "check"], "--rtmp", "forkcast key check"),
            (&["--state", "x", "key", "new"], "--state", "forkcast key new"),
        ] {
            let error = read(arguments).unwrap_err();
            let expected = format!("`{flag}` is no option of `{command}`");
            assert!(error.exit_code() == 2 && error.to_string().contains(&expected), "{error}");
        }
    }

    #[test]
    fn a_stream_key_is_no_argument_and_is_not_repeated() {
        for arguments in [
            &["--stream-key=secret"][..],
            &["--stream-key", "secret"],
            &["serve", "--key=secret"],
            &["check", "--stream-key"],
            &["--stream-key=secret", "check"],
            &["--key=secret", "demo"],
        ] {
            let error = read(arguments).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
            assert!(error.contains("set FORKCAST_STREAM_KEY, or write"), "{error}");
        }
        assert!(!Cli::command().render_long_help().to_string().contains("--stream-key"));
    }

    #[test]
    fn each_setting_has_the_variable_that_its_name_says() {
        let help = Cli::command().render_long_help().to_string();
        for (name, flag, variable) in SETTINGS {
            assert_eq!(flag, format!("--{}", name.replace('_', "-")));
            assert_eq!(variable, format!("FORKCAST_{}", name.to_uppercase()));
            assert!(help.contains(&format!("[env: {variable}]")), "{help}");
        }
    }
}
