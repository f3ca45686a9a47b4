//! `entrepot mode`: how much of a mirror is on offer.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{ModeCondition, ModeState, NewModeOrder};

use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Column, Output, joined, sentence, word},
    runtime,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct ModeOf {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// What to do.
    pub(crate) operation: ModeOperation,
}

/// What to do.
#[derive(Debug)]
pub(crate) enum ModeOperation {
    /// Show the mode.
    Show,
    /// Set it by hand.
    Set {
        /// What to set.
        order: NewModeOrder,
    },
    /// Take back what was set by hand.
    TakeBack {
        /// What is said besides, which has no meaning then.
        order: NewModeOrder,
    },
}

/// Runs the command.
pub(crate) fn run(ModeOf { to, operation }: ModeOf) -> Result<(), Failure> {
    if matches!(&operation, ModeOperation::TakeBack { order } if *order != NewModeOrder::default()) {
        return Err(Failure::wrong("`auto` takes back what was set, and stands alone")
            .with_hint("switch lists alone: `entrepot mode --tag-lists off`"));
    }
    let (output, client) = (to.output, to.client()?);
    let none: [(&str, &str); 0] = [];
    let told = runtime::build()?.block_on(async {
        match &operation {
            ModeOperation::Show => client.get(&["mode"], &none).await,
            ModeOperation::Set { order } => client.put(&["mode"], order).await,
            ModeOperation::TakeBack { .. } => client.delete(&["mode"], &none).await,
        }
    });
    let state: ModeState = told.map_err(|fault| fault.explained(client.server()))?;
    match output {
        Output::Json => output::print_json(&state),
        Output::Text => output::print(&text(&state)),
    }
}

fn text(state: &ModeState) -> String {
    let mut facts = vec![sentence!("{mode} by {cause}", mode = state.mode, cause = word(state.cause))];
    facts.extend(state.until.map(|until| sentence!("until {until}", until = until)));
    if let Some(order) = &state.order {
        facts.push(sentence!("set by {by} at {since}", by = order.by, since = order.since));
    }
    let mut head = joined(&facts);
    if let Some(reason) = &state.reason {
        head = sentence!("{facts}: {reason}", facts = head, reason = reason);
    }
    let mut text = output::line(&head);
    if !state.tag_lists {
        text.push_str(&(sentence!("tags: not listed") + "\n"));
    }
    if !state.catalog {
        text.push_str(&(sentence!("the catalog: not listed") + "\n"));
    }
    if !state.conditions.is_empty() {
        text.push_str(&conditions(&state.conditions));
    }
    text
}

fn conditions(conditions: &[ModeCondition]) -> String {
    let columns = [
        Column("MEASURE", Left),
        Column("FROM (which value)", Right),
        Column("NOW", Right),
        Column("MODE", Left),
        Column("HOLDS", Left),
    ];
    let rows = conditions.iter().map(|one| {
        vec![
            word(one.measure),
            one.limit.clone(),
            one.measured.clone().unwrap_or_else(|| "-".to_owned()),
            one.mode.to_string(),
            if one.holds { word("yes") } else { word("no") },
        ]
    });
    output::table(&columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use entrepot_api::{Mode, ModeCause, ModeMeasure, ModeOrder};

    use super::*;

    #[test]
    fn it_says_what_is_in_force_and_why() {
        let since = "2026-05-01T12:00:00Z".parse().unwrap();
        let order = ModeOrder {
            mode: Some(Mode::CachedOnly),
            tag_lists: Some(false),
            catalog: None,
            by: "account:ops".to_owned(),
            since,
        };
        let condition = ModeCondition {
            measure: ModeMeasure::Disk,
            limit: "95%".to_owned(),
            measured: Some("40%".to_owned()),
            mode: Mode::CachedOnly,
            holds: false,
        };
        let state = ModeState {
            mode: Mode::CachedOnly,
            cause: ModeCause::Hand,
            reason: Some("moving\u{1b}[31m".to_owned()),
            until: "2026-05-01T14:00:00Z".parse().ok(),
            small: 20 << 20,
            tag_lists: false,
            catalog: true,
            order: Some(order),
            conditions: vec![condition],
        };
        let told = text(&state);
        let head = "cached-only by hand, until 2026-05-01T14:00:00Z, set by account:ops at 2026-05-01T12:00:00Z: moving";
        assert!(told.starts_with(head) && !told.contains('\u{1b}'), "{told}");
        assert!(told.contains("tags: not listed\n") && !told.contains("catalog"), "{told}");
        let row: Vec<_> = told.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row, ["disk", "95%", "40%", "cached-only", "no"]);
    }
}
