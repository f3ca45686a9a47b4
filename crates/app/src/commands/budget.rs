//! `entrepot budget`: what upstreams allow a server, account by account.

use std::time::Duration;

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{AccountBudget, Budget};

use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Column, Output, word},
    runtime,
};

/// Shows the budget of a server; the exit code is 1 if an upstream counts an account as an address.
pub(crate) fn run(to: ServerTarget) -> Result<(), Failure> {
    let (output, client) = (to.output, to.client()?);
    let none: [(&str, &str); 0] = [];
    let told = runtime::build()?.block_on(client.get(&["budget"], &none));
    let budget: Budget = told.map_err(|fault| fault.explained(client.server()))?;
    match output {
        Output::Json => output::print_json(&budget)?,
        Output::Text => output::print(&table(&budget))?,
    }
    let accounts = budget.upstreams.iter().flat_map(|one| &one.accounts);
    match accounts.filter(|account| account.counts_address).count() {
        0 => Ok(()),
        _ => Err(Failure::new("an upstream counts pulls for our address although an account is used")
            .with_hint("look at SOURCE, and whether the account is confirmed at its registry")),
    }
}

fn table(budget: &Budget) -> String {
    let columns = [
        Column("UPSTREAM", Left),
        Column("ACCOUNT", Left),
        Column("STATE", Left),
        Column("LEFT", Right),
        Column("LIMIT", Right),
        Column("RESERVE", Right),
        Column("RESETS IN", Right),
        Column("SPENT", Right),
        Column("PER HOUR", Right),
        Column("USED UP IN", Right),
        Column("SOURCE", Left),
    ];
    let rows = budget.upstreams.iter().flat_map(|one| {
        one.accounts.iter().map(|account| row(&one.upstream, one.reserve, account)).collect::<Vec<_>>()
    });
    output::table(&columns, rows.collect())
}

fn row(upstream: &str, reserve: u64, account: &AccountBudget) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let number = |number: Option<u64>| or_none(number.map(|number| number.to_string()));
    let time = |seconds: Option<u64>| {
        or_none(seconds.map(|seconds| humantime::format_duration(Duration::from_secs(seconds)).to_string()))
    };
    let limit = match (account.limit, account.window) {
        (Some(limit), Some(_)) => format!("{limit}/{}", time(account.window)),
        (limit, _) => number(limit),
    };
    vec![
        upstream.to_owned(),
        or_none(account.account.clone()),
        word(account.state),
        number(account.left),
        limit,
        if account.limit.is_some() { reserve.to_string() } else { "-".to_owned() },
        time(account.resets_in),
        account.spent.to_string(),
        account.per_hour.to_string(),
        time(account.used_up_in),
        or_none(account.source.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use entrepot_api::{BudgetState, UpstreamBudget};

    use super::*;

    #[test]
    fn what_is_not_told_is_a_dash() {
        let unknown = AccountBudget {
            account: None,
            state: BudgetState::Unknown,
            limit: None,
            left: None,
            window: None,
            resets_in: None,
            source: None,
            counts_address: false,
            spent: 3,
            per_hour: 1.5,
            used_up_in: None,
        };
        let known = AccountBudget {
            account: Some("robot".to_owned()),
            state: BudgetState::Usable,
            limit: Some(200),
            left: Some(17),
            window: Some(21_600),
            resets_in: Some(3600),
            source: Some("8c1f".to_owned()),
            used_up_in: Some(600),
            ..unknown.clone()
        };
        let upstream = |upstream: &str, account| UpstreamBudget {
            upstream: upstream.to_owned(),
            reserve: 40,
            accounts: vec![account],
        };
        let budget = Budget { upstreams: vec![upstream("docker.io", known), upstream("quay.io", unknown)] };
        let told = table(&budget);
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = told.lines().skip(1).map(cells).collect();
        assert_eq!(
            lines,
            ["docker.io robot usable 17 200/6h 40 1h 3 1.5 10m 8c1f", "quay.io - unknown - - - - 3 1.5 - -",]
        );
    }
}
