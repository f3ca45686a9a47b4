//! Long lists: decided as by somebody who looks at every rule, and fast.

#![allow(clippy::unwrap_used, reason = "outside of test functions, but only for them")]

use std::time::Instant;

use entrepot_oci::{Host, Repository};
use entrepot_policy::{FullName, ListKind, PullRules, RuleList, Ruling};

/// How many names are decided.
const NAMES: usize = 100_000;

const HOSTS: [&str; 6] =
    ["docker.io", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "cr.example.com:5000"];

/// A generator of numbers that are the same each time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    // Few words, so that names and rules meet.
    fn path(&mut self) -> String {
        let parts = 1 + self.below(3);
        let part = |numbers: &mut Self| {
            let word = ["library", "acme", "tool", "web", "nginx", "a", "b-c", "x.y"][numbers.below(8)];
            match numbers.below(3) {
                0 => word.to_owned(),
                _ => format!("{word}{}", numbers.below(40)),
            }
        };
        (0..parts).map(|_| part(self)).collect::<Vec<_>>().join("/")
    }

    fn host(&mut self) -> &'static str {
        HOSTS[self.below(HOSTS.len())]
    }
}

// In the proportions of the list of a public mirror: 845 names, 352 `/*`, 124 `/**`, and some of other forms.
fn generated(numbers: &mut Numbers) -> String {
    let mut lines = Vec::new();
    for (count, tail) in [(845, ""), (352, "/*"), (124, "/**")] {
        for _ in 0..count {
            lines.push(format!("{}/{}{tail}", numbers.host(), numbers.path()));
        }
    }
    lines.extend(
        ["docker.io/*", "gcr.io/**", "*.gcr.io/**", "quay.io/*/web1", "ghcr.io/acme/tool-*"]
            .map(String::from),
    );
    lines.join("\n")
}

/// As a reader of the list would: a line at a time. One name on Docker Hub has two spellings.
fn naive(list: &str, name: FullName<'_>) -> bool {
    let (host, path) = (name.host.as_str(), name.repository.as_str());
    let short = path.strip_prefix("library/").filter(|short| host == "docker.io" && !short.contains('/'));
    let spellings = [Some(path), short];
    list.lines().any(|line| spellings.iter().flatten().any(|path| fits(line, &format!("{host}/{path}"))))
}

fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), name.split('/').collect());
    let is_open = pattern.last() == Some(&"**");
    let fixed = if is_open { &pattern[..pattern.len() - 1] } else { &pattern[..] };
    let lengths = if is_open { name.len() > fixed.len() } else { name.len() == fixed.len() };
    lengths && fixed.iter().zip(&name).all(|(pattern, part)| segment(pattern, part))
}

fn segment(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => {
            part.len() >= before.len() + after.len() && part.starts_with(before) && part.ends_with(after)
        }
    }
}

fn names(numbers: &mut Numbers) -> Vec<(Host, Repository)> {
    let one = |numbers: &mut Numbers| {
        let host: Host = match numbers.below(20) {
            0 => "us.gcr.io".parse().unwrap(),
            _ => numbers.host().parse().unwrap(),
        };
        let path = numbers.path();
        let path = if host.is_docker_hub() && !path.contains('/') { format!("library/{path}") } else { path };
        (host, path.parse().unwrap())
    };
    (0..NAMES).map(|_| one(numbers)).collect()
}

fn allowed(rules: &PullRules, (host, repository): &(Host, Repository)) -> bool {
    matches!(rules.ruling(FullName { host, repository }), Ruling::Allowed(_))
}

#[test]
fn names_are_decided_as_by_looking_at_every_rule() {
    let mut numbers = Numbers(23);
    let text = generated(&mut numbers);
    let list = RuleList::read("generated", ListKind::Allow, &text).unwrap();
    assert_eq!(list.rules.len(), 1326);
    let rules = PullRules::new(vec![list], None);
    // Those that are not in a list are denied by none: the naive one is asked for a tenth, for it is slow.
    let (mut yes, mut asked) = (0, 0);
    for (at, name) in names(&mut numbers).iter().enumerate() {
        let decided = allowed(&rules, name);
        yes += usize::from(decided);
        if at.is_multiple_of(10) {
            asked += 1;
            let full = FullName { host: &name.0, repository: &name.1 };
            assert_eq!(decided, naive(&text, full), "{full}");
        }
    }
    assert_eq!(asked, NAMES / 10);
    assert!(yes > NAMES / 20 && yes < NAMES * 19 / 20, "{yes}: the names must be of both kinds");
}

// To see how long it takes, with a list: `ENTREPOT_ALLOWS=allows.txt cargo test --release -p entrepot-policy --test many --
// --ignored --nocapture`. Every name is compared with the naive answer.
#[test]
#[ignore = "takes minutes without optimisation, and shows a time"]
fn a_real_list_is_decided_fast() {
    let mut numbers = Numbers(23);
    let text = match std::env::var_os("ENTREPOT_ALLOWS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => generated(&mut numbers),
    };
    let list = RuleList::read("allows.txt", ListKind::Allow, &text).unwrap();
    // Names of the list itself, and such that differ from them a little.
    let of_list = |at: usize| {
        let line = list.rules[at % list.rules.len()].pattern.repositories().as_str();
        let tail = ["x", "x/y", "nginx"][at % 3];
        let name = line.replace("**", tail).replace('*', "x");
        let (host, path) = name.split_once('/').unwrap();
        let path = if at.is_multiple_of(7) { format!("{path}-other") } else { path.to_owned() };
        (host.parse().unwrap(), path.parse().unwrap())
    };
    let mut names: Vec<(Host, Repository)> = (0..NAMES / 2).map(of_list).collect();
    names.extend(self::names(&mut numbers).into_iter().take(NAMES - names.len()));
    let rules = PullRules::new(vec![list.clone()], None);
    for name in &names {
        let full = FullName { host: &name.0, repository: &name.1 };
        assert_eq!(allowed(&rules, name), naive(&text, full), "{full}");
    }
    let begun = Instant::now();
    let yes = names.iter().filter(|name| allowed(&rules, name)).count();
    let each = begun.elapsed().as_nanos() / NAMES as u128;
    println!("{} rules, {yes} of {NAMES} names allowed, {each} ns for a decision", list.rules.len());
    let begun = Instant::now();
    let near = names
        .iter()
        .take(1000)
        .filter(|(host, repository)| rules.nearest(FullName { host, repository }).is_some());
    let near = near.count();
    println!("{near} of 1000 names have one that is near, {} ns each", begun.elapsed().as_nanos() / 1000);
}
