//! The laws, with inputs close enough to what registries send to pass the first checks.

use entrepot_testkit::addresses::{HOSTS, PATHS, SCHEMES, SERVERS};
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn address() -> impl Strategy<Value = String> {
    let pieces = (select(SCHEMES.as_slice()), select(HOSTS.as_slice()), select(PATHS.as_slice()));
    pieces.prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}"))
}

fn home() -> impl Strategy<Value = Url> {
    select(SERVERS.as_slice()).prop_filter_map("an address", |text| text.parse().ok())
}

fn scope_like() -> impl Strategy<Value = String> {
    let piece = select(
        [
            "repository:",
            "library/nginx",
            ":pull",
            ":pull,push",
            "a",
            "/",
            " ",
            "x/",
            "registry:catalog:*",
            "..",
            "A/",
        ]
        .as_slice(),
    );
    let pieces = vec(piece, 0..9).prop_map(|pieces| pieces.concat());
    let between = |pieces: String| format!("repository:{pieces}/library/nginx:pull");
    prop_oneof![pieces.clone(), pieces.prop_map(between)]
}

fn challenge_like() -> impl Strategy<Value = String> {
    let value = prop_oneof![address(), scope_like(), "[ -~]{0,12}"];
    let key = select(["realm", "Realm", "scope", "service", "error", "x", ""].as_slice());
    let quoted = prop_oneof![
        5 => (key, value.clone()).prop_map(|(key, value)| format!("{key}=\"{value}\"")),
        1 => value,
    ];
    let scheme = select(["Bearer ", "bearer ", "Basic ", "Negotiate YWJj==, ", ""].as_slice());
    let joined = select([",", ", ", " ", ",,"].as_slice());
    (scheme, vec(quoted, 0..5), joined).prop_map(|(scheme, parts, by)| format!("{scheme}{}", parts.join(by)))
}

fn token_like() -> impl Strategy<Value = String> {
    let key = select(["token", "access_token", "expires_in", "issued_at", "x"].as_slice());
    let value = prop_oneof![
        "[ -!#-\\[\\]-~]{0,20}".prop_map(|text| format!("\"{text}\"")),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        select(["null", "[]", "{}", "1e400", "-0", "\"\\r\\nx: y\"", "\"\\u0000\"", "\"é\""].as_slice())
            .prop_map(str::to_owned),
    ];
    vec((key, value), 0..4).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

fn link_like() -> impl Strategy<Value = String> {
    let link = (
        address(),
        select(["; rel=\"next\"", ";rel=next", "; rel=prev", "", "; title=\"<x>; rel=next\""].as_slice()),
    );
    let link = (link, any::<bool>()).prop_map(|((target, rel), is_bare)| match is_bare {
        true => format!("{target}{rel}"),
        false => format!("<{target}>{rel}"),
    });
    vec(link, 0..3).prop_map(|links| links.join(", "))
}

fn content_range_like() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (0u64..12).prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        select(["", "*", "+1", "-1", " 3 ", "18446744073709551615", "99999999999999999999"].as_slice())
            .prop_map(str::to_owned),
    ];
    (select(["bytes ", "bytes=", "", "Bytes "].as_slice()), number.clone(), number.clone(), number)
        .prop_map(|(unit, first, last, total)| format!("{unit}{first}-{last}/{total}"))
}

fn listing() -> impl Strategy<Value = String> {
    vec(select(["a", "b", "c", "v1.0", "", "not a tag", "A/B", "\\u0000"].as_slice()), 0..12)
        .prop_map(|tags| format!("{{\"name\":\"x\",\"tags\":[\"{}\"]}}", tags.join("\",\"")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_challenges(header in challenge_like(), from in home()) {
        challenge(&header);
        realm(&from, &header);
    }

    #[test]
    fn of_scopes(scope in scope_like()) {
        challenge(&format!("Bearer realm=\"https://a.example\",scope=\"{scope}\""));
    }

    #[test]
    fn of_realms(from in home(), named in address()) {
        realm(&from, &format!("Bearer realm=\"{named}\""));
    }

    #[test]
    fn of_tokens(response in token_like()) {
        token(response.as_bytes());
    }

    #[test]
    fn of_links(header in link_like()) {
        next_page(&header);
    }

    #[test]
    fn of_content_ranges(header in content_range_like(), from in 0u64..12, to in proptest::option::of(1u64..12)) {
        content_range(&header, from, to.filter(|to| *to > from));
    }

    #[test]
    fn of_waits(header in "( {0,2}[0-9]{0,24}|[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,5} [0-9:]{0,8} GMT|.{0,30})") {
        retry_after(&header);
    }

    #[test]
    fn of_reasons(text in any::<String>()) {
        reason(&text);
        reason(&format!(r#"{{"errors":[{{"code":"DENIED","message":{}}}]}}"#, serde_json::Value::from(text)));
    }

    #[test]
    fn of_listings(response in listing(), limit in 1usize..5) {
        tag_pages(response.as_bytes(), limit);
    }
}
