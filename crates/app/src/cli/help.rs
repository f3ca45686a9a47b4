//! The help as it is shown, with examples, in 中文 where the terminal speaks it.

use std::fmt::Write;

use clap::{
    Arg, ArgAction, Command,
    builder::{StyledStr, styling},
};

use super::chinese;
use crate::examples;

/// The colours of the help.
pub(super) const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// The heads of the help's parts, in one language.
struct Heads {
    examples: &'static str,
    usage: &'static str,
    commands: &'static str,
    arguments: &'static str,
    options: &'static str,
}

const CHINESE: Heads =
    Heads { examples: "示例", usage: "用法", commands: "命令", arguments: "参数", options: "选项" };

/// The command line with examples, in one language.
pub(super) fn written(command: Command, is_chinese: bool) -> Command {
    let command = exemplified(command, "", is_chinese);
    if is_chinese { in_chinese(command) } else { command }
}

fn exemplified(command: Command, path: &str, is_chinese: bool) -> Command {
    let head = if is_chinese { CHINESE.examples } else { "Examples" };
    let styles = STYLES;
    let style = styles.get_header();
    let mut text = format!("{style}{head}:{style:#}");
    for example in examples::of(path) {
        let about = if is_chinese { example.chinese } else { example.english };
        // Writing to a `String` does not fail.
        let _ = write!(text, "\n  # {about}\n  {}", example.call);
    }
    let command =
        if examples::of(path).is_empty() { command } else { command.after_help(StyledStr::from(text)) };
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}");
        command.mut_subcommand(name, |inner| exemplified(inner, path.trim(), is_chinese))
    })
}

/// Replaces every text by the 中文 one. What the parser says by itself is hidden, and written behind the texts instead.
fn in_chinese(command: Command) -> Command {
    let styles = STYLES;
    let usage = styles.get_usage();
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{usage}{}:{usage:#} {{usage}}\n\n{{all-args}}{{after-help}}",
        CHINESE.usage
    );
    let root = translated(command, &template);
    root.disable_version_flag(true).arg(
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help("显示版本")
            .help_heading(CHINESE.options)
            .display_order(1001),
    )
}

fn translated(command: Command, template: &str) -> Command {
    let about = command.get_about().map(|about| text(&about.to_string())).unwrap_or_default();
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help("显示帮助")
        .help_heading(CHINESE.options)
        .display_order(1000);
    command
        .about(about)
        .help_template(template.to_owned())
        .subcommand_help_heading(CHINESE.commands)
        .mut_args(argument)
        .mut_subcommands(|inner| translated(inner, template))
        .disable_help_flag(true)
        .arg(help)
}

fn argument(argument: Arg) -> Arg {
    let heading = if argument.is_positional() { CHINESE.arguments } else { CHINESE.options };
    let mut help = argument.get_help().map(|help| text(&help.to_string())).unwrap_or_default();
    let listed = |values: Vec<String>| values.join("、");
    let mut add = |what: &str, values: String| {
        if !values.is_empty() {
            // Writing to a `String` does not fail.
            let _ = write!(help, "（{what}：{values}）");
        }
    };
    if argument.get_action().takes_values() {
        add("可选", listed(shown_values(&argument)));
        if !argument.is_hide_default_value_set() {
            let values = argument.get_default_values().iter();
            add("默认", listed(values.map(|value| value.to_string_lossy().into_owned()).collect()));
        }
        if !argument.is_hide_env_set() {
            let name = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            add("环境变量", name.unwrap_or_default());
        }
        let argument = argument.help(help).help_heading(heading);
        return argument.hide_default_value(true).hide_possible_values(true).hide_env(true);
    }
    argument.help(help).help_heading(heading)
}

fn shown_values(argument: &Arg) -> Vec<String> {
    if argument.is_hide_possible_values_set() {
        return Vec::new();
    }
    argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

fn text(english: &str) -> String {
    let found = chinese::texts().find(|(text, _)| *text == english);
    found.map_or(english, |(_, chinese)| chinese).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::{super::Cli, *};

    fn shown(is_chinese: bool) -> Command {
        written(Cli::command(), is_chinese)
    }

    fn texts(command: &Command, found: &mut BTreeSet<String>) {
        found.extend(command.get_about().map(ToString::to_string));
        let arguments = command.get_arguments().filter(|argument| argument.get_id() != "version");
        found.extend(arguments.filter_map(Arg::get_help).map(ToString::to_string));
        command.get_subcommands().for_each(|inner| texts(inner, found));
    }

    #[test]
    fn every_text_has_a_translation_and_every_translation_a_text() {
        let mut said = BTreeSet::new();
        texts(&shown(false), &mut said);
        let known: BTreeSet<String> = chinese::texts().map(|(text, _)| (*text).to_owned()).collect();
        assert_eq!(known.len(), chinese::texts().count(), "a text is there twice");
        let missing: Vec<_> = said.difference(&known).collect();
        let gone: Vec<_> = known.difference(&said).collect();
        assert!(missing.is_empty() && gone.is_empty(), "without 中文: {missing:#?}\ngone: {gone:#?}");
    }

    #[test]
    fn every_command_that_does_something_has_examples_that_are_calls_of_it() {
        fn look(command: &Command, path: &str, seen: &mut Vec<String>) {
            for inner in command.get_subcommands() {
                look(inner, format!("{path} {}", inner.get_name()).trim(), seen);
            }
            let is_group = command.is_subcommand_required_set() && !path.is_empty();
            assert!(is_group || !examples::of(path).is_empty(), "`{path}` has no examples");
            for example in examples::of(path).iter().filter(|_| !path.is_empty()) {
                assert!(example.call.contains(&format!("entrepot {path}")), "{}", example.call);
            }
            seen.push(path.to_owned());
        }
        let mut seen = Vec::new();
        look(&shown(false), "", &mut seen);
        for (path, _) in examples::all() {
            assert!(seen.iter().any(|seen| seen == path), "`{path}` is gone");
        }
    }

    #[test]
    fn the_examples_can_be_parsed() {
        let words = |call: &str| -> Vec<String> {
            let call = call.split(['<', '>', '|']).next().unwrap_or_default().replace('\'', "");
            // `>=1.26` is quoted in its example.
            let call =
                if call.contains("--semver") { "entrepot tags nginx --latest 3".to_owned() } else { call };
            call.split_whitespace().skip_while(|word| word.contains('=')).map(str::to_owned).collect()
        };
        for (path, examples) in examples::all() {
            for example in *examples {
                let parsed = shown(false).try_get_matches_from(words(example.call));
                assert!(parsed.is_ok(), "{path}: {}: {:?}", example.call, parsed.err());
            }
        }
    }

    #[test]
    fn the_help_in_chinese_has_no_english_sentence() {
        fn look(mut command: Command) {
            let help = command.render_long_help().to_string();
            for english in [
                "Usage",
                "Options:",
                "Commands:",
                "Arguments:",
                "Print",
                "[default",
                "[possible",
                "[env",
                "The ",
            ] {
                assert!(!help.contains(english), "{english} in {help}");
            }
            assert!(help.contains("用法:") && help.contains("显示帮助"), "{help}");
            command.get_subcommands().cloned().for_each(look);
        }
        let mut whole = shown(true);
        whole.build();
        look(whole);
    }
}
