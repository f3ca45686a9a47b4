//! Keep lists for people.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{KeepCounts, KeepImageList, KeepList, KeepLists};

use crate::{
    failure::told,
    output::{self, Column, joined, sentence, size, word},
};

/// All lists.
pub(super) fn lists(lists: &KeepLists) -> String {
    if lists.lists.is_empty() {
        return sentence!("there are no keep lists") + "\n";
    }
    let columns = [
        Column("LIST", Left),
        Column("KEPT", Right),
        Column("FAILED", Right),
        Column("POSTPONED", Right),
        Column("SCHEDULE", Left),
        Column("LAST RUN", Left),
    ];
    let row = |list: &KeepList| {
        let KeepCounts { kept, failed, postponed } = list.images;
        let last = match (&list.running, &list.last) {
            (Some(_), _) => progress(list),
            (None, Some(last)) => format!("{} {}", word(last.outcome), last.started),
            (None, None) => word("never"),
        };
        let schedule = list.schedule.clone().unwrap_or_else(|| word("on request"));
        let kept = format!("{kept}/{}", kept + failed + postponed);
        vec![list.name.clone(), kept, failed.to_string(), postponed.to_string(), schedule, last]
    };
    output::table(&columns, lists.lists.iter().map(row).collect())
}

/// A list in one line.
pub(super) fn line(list: &KeepList) -> String {
    let what = match (&list.running, &list.last) {
        (Some(_), _) => progress(list),
        (None, Some(last)) => {
            let KeepCounts { kept, failed, postponed } = last.images;
            let facts = joined(&[
                sentence!("{count} kept", count = kept),
                sentence!("{count} failed", count = failed),
                sentence!("{count} postponed", count = postponed),
                sentence!("{bytes} came", bytes = size(last.bytes)),
            ]);
            sentence!("{outcome}: {facts}", outcome = word(last.outcome), facts = facts)
        }
        (None, None) => sentence!("it was never run"),
    };
    output::line(&sentence!("keep list `{list}`: {what}", list = list.name, what = what))
}

/// How far a run is.
pub(super) fn progress(list: &KeepList) -> String {
    let Some(running) = &list.running else { return String::new() };
    let KeepCounts { kept, failed, postponed } = running.images;
    let done = kept + failed + postponed;
    let mut parts = vec![match running.total {
        Some(total) => sentence!("{done} of {total}", done = done, total = total),
        None => sentence!("looking up what is on it"),
    }];
    parts.extend((running.bytes > 0).then(|| size(running.bytes)));
    parts.extend(running.image.clone());
    if running.waits {
        parts.push(sentence!("waiting for requests"));
    }
    joined(&parts)
}

/// The images of a list.
pub(super) fn images(list: &KeepImageList) -> String {
    let columns = [Column("IMAGE", Left), Column("STATE", Left), Column("DIGEST", Left), Column("WHY", Left)];
    let rows = list.images.iter().map(|image| {
        let digest = image.digest.clone().unwrap_or_default();
        let problem = image.problem.as_deref().map(told).unwrap_or_default();
        vec![image.image.clone(), word(image.state), digest, problem.into_owned()]
    });
    output::table(&columns, rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(running: &str) -> KeepList {
        let text = format!(
            r#"{{"name":"daily","items":2,"platforms":[],"schedule":"@daily","time_zone":"UTC","next":null,
            "images":{{"kept":3,"failed":1,"postponed":0}},"last":{{"outcome":"failed","images":{{"kept":3,"failed":1,
            "postponed":0}},"bytes":1048576,"started":"2026-11-30T12:00:00Z","finished":null}},"running":{running}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn lists_are_told_in_lines() {
        assert_eq!(
            line(&list("null")),
            "keep list `daily`: failed: 3 kept, 1 failed, 0 postponed, 1.0 MiB came\n"
        );
        let running = r#"{"total":9,"images":{"kept":1,"failed":0,"postponed":1},"bytes":2048,"image":"docker.io/a/b:1","waits":true}"#;
        let told = "2 of 9, 2.0 KiB, docker.io/a/b:1, waiting for requests";
        assert_eq!(line(&list(running)), format!("keep list `daily`: {told}\n"));
        let all = KeepLists { lists: vec![list("null")] };
        let table = lists(&all);
        assert!(
            table.contains("3/4") && table.contains("@daily") && table.contains("failed 2026-11-30"),
            "{table}"
        );
        assert_eq!(lists(&KeepLists::default()), "there are no keep lists\n");
        let text = r#"{"images":[{"image":"a:1","state":"failed","digest":null,"problem":"gone","checked":"2026-11-30T12:00:00Z"}],"more":false}"#;
        assert!(images(&serde_json::from_str(text).unwrap()).contains("gone"));
    }
}
