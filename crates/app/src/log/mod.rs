//! The log: to standard error, as text or JSON.

mod batch;
mod line;

use entrepot_telemetry::TraceLayer;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, layer::SubscriberExt, util::SubscriberInitExt};

pub(crate) use batch::Guard;

use self::{batch::Batch, line::LineFormatter};
use crate::{
    config::{Environment, Level, Log},
    failure::Failure,
    terminal,
};

/// The verbosity from `-q` and `-v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// `-q`
    Quiet,
    /// Neither.
    Usual,
    /// `-v`
    Verbose,
    /// `-vv`
    Everything,
}

impl Verbosity {
    /// The log level; `usual` is the one without `-q` and `-v`.
    pub(crate) fn level(self, usual: Level) -> Level {
        match self {
            Self::Quiet => Level::Warn,
            Self::Usual => usual,
            Self::Verbose => {
                if usual < Level::Info {
                    Level::Info
                } else {
                    usual.max(Level::Debug)
                }
            }
            Self::Everything => Level::Trace,
        }
    }
}

/// Starts the log, and takes spans for `traces` if they are sent anywhere; dropping the guard flushes the log. `ENTREPOT_LOG` overrides everything (`debug`, or
/// `info,access=off,entrepot_remote=trace`).
///
/// # Errors
/// `ENTREPOT_LOG` is invalid.
pub(crate) fn start(
    log: Log,
    traces: Option<TraceLayer>,
    environment: &Environment,
) -> Result<Guard, Failure> {
    let filter = match environment.get("ENTREPOT_LOG").filter(|filter| !filter.is_empty()) {
        Some(filter) => EnvFilter::try_new(filter).map_err(|error| {
            Failure::wrong(format!("`ENTREPOT_LOG`: {error}"))
                .with_hint("write a level, or `level,target=level`: `debug`, `info,access=off`")
        })?,
        None => EnvFilter::new(directives(log.level)),
    };
    let cannot = |error: &(dyn std::error::Error + 'static)| Failure::because("cannot start the log", error);
    let (writer, guard) = Batch::start(terminal::log()).map_err(|error| cannot(&error))?;
    let line = LineFormatter { format: log.format, colour: terminal::has_colours() };
    let registry = tracing_subscriber::registry();
    // Without traces, what is not logged is refused at once, for all.
    let started = match traces {
        Some(traces) => {
            let lines = fmt::layer().event_format(line).with_writer(writer).with_filter(filter);
            registry.with(lines).with(traces.filtered()).try_init()
        }
        None => {
            let lines = fmt::layer().event_format(line).with_writer(writer);
            registry.with(filter).with(lines).try_init()
        }
    };
    started.map_err(|error| cannot(&error))?;
    Ok(guard)
}

// Libraries log only problems, unless everything is asked for.
fn directives(level: Level) -> String {
    match level {
        Level::Trace => "trace".to_owned(),
        level => format!("{},{OURS}", level.min(Level::Warn).as_str()).replace("LEVEL", level.as_str()),
    }
}

const OURS: &str = "entrepot=LEVEL,entrepot_blobs=LEVEL,entrepot_catalog=LEVEL,entrepot_mirror=LEVEL,\
                    entrepot_remote=LEVEL,entrepot_server=LEVEL,access=LEVEL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_moves_the_level() {
        for (verbosity, usual, level) in [
            (Verbosity::Quiet, Level::Info, Level::Warn),
            (Verbosity::Usual, Level::Info, Level::Info),
            (Verbosity::Usual, Level::Warn, Level::Warn),
            (Verbosity::Verbose, Level::Warn, Level::Info),
            (Verbosity::Verbose, Level::Info, Level::Debug),
            (Verbosity::Verbose, Level::Trace, Level::Trace),
            (Verbosity::Everything, Level::Error, Level::Trace),
        ] {
            assert_eq!(verbosity.level(usual), level, "{verbosity:?} {usual:?}");
        }
    }

    #[test]
    fn filters_can_be_read() {
        for level in [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace] {
            EnvFilter::try_new(directives(level)).unwrap();
        }
        assert!(directives(Level::Info).starts_with("warn,entrepot=info,"));
        assert!(directives(Level::Error).starts_with("error,entrepot=error,"));
    }
}
