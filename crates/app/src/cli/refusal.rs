//! What is wrong with the arguments, in 中文. The parser writes it in English; each line of that is a sentence.

use clap::builder::styling::AnsiColor;

use crate::terminal::{self, Label};

/// Prints what the parser wrote.
pub(super) fn tell(english: &str) {
    for line in english.trim_end().lines() {
        let MessageLine { label, text } = in_chinese(line);
        terminal::say(label, &text);
    }
}

/// A line of the message.
struct MessageLine {
    label: Option<Label>,
    text: String,
}

// The parser's words in front of a sentence, and ours.
const WORDS: [(&str, AnsiColor, &str); 3] = [
    ("error: ", AnsiColor::Red, "错误"),
    ("tip: ", AnsiColor::Cyan, "提示"),
    ("Usage: ", AnsiColor::Green, "用法"),
];

fn in_chinese(line: &str) -> MessageLine {
    let text = line.trim_start();
    let indent = &line[..line.len() - text.len()];
    for (english, color, chinese) in WORDS {
        if let Some(sentence) = text.strip_prefix(english) {
            let text = entrepot_chinese::said(sentence).into_owned();
            return MessageLine { label: Some(Label(color, chinese)), text };
        }
    }
    MessageLine { label: None, text: format!("{indent}{}", entrepot_chinese::said(text)) }
}

#[cfg(test)]
mod tests {
    use super::{super::command, *};

    fn told(arguments: &[&str]) -> Vec<String> {
        let words = ["entrepot"].iter().chain(arguments);
        let error = command().try_get_matches_from(words).unwrap_err().render().to_string();
        let lines = error.lines().map(in_chinese).filter(|line| !line.text.trim().is_empty());
        lines.map(|line| format!("{}{}", line.label.map_or("", |label| label.1), line.text)).collect()
    }

    #[test]
    fn what_is_wrong_with_arguments_is_said_in_chinese() {
        for (arguments, first) in [
            (&["copi"][..], "错误没有命令 'copi'"),
            (&["copy", "--al"], "错误多余的参数 '--al'"),
            (&["copy", "a", "b", "--output", "xml"], "错误'--output <FORM>' 的值 'xml' 无效"),
            (&["copy", "a", "b", "--output"], "错误'--output <FORM>' 需要一个值"),
            (&["copy"], "错误缺少以下参数："),
            (&["copy", "a", "b", "--jobs", "0"], "错误'--jobs <N>' 的值 '0' 无效：0 不在 1..=65535 范围内"),
            (&["copy", "a", "b", "--jobs", "x"], "错误'--jobs <N>' 的值 'x' 无效：不是整数"),
            (
                &["token", "create", "a", "--expires", "9"],
                "错误'--expires <TIME>' 的值 '9' 无效：须写时间单位，例如 9sec 或 9ms",
            ),
            (&["digest", "A"], "错误'<IMAGE>' 的值 'A' 无效：仓库名由"),
        ] {
            let told = told(arguments);
            assert!(told[0].starts_with(first), "{arguments:?}: {told:#?}");
            let english = told.iter().find(|line| line.is_ascii() && !line.trim().starts_with(['<', '-']));
            assert_eq!(english, None, "{arguments:?}: {told:#?}");
        }
    }
}
