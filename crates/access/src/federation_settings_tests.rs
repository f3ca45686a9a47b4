//! Mistakes in the parts about providers, directories and workloads, each where it is.

use serde_json::{Value, json};

use super::*;
use crate::settings::AccessSection;

fn with(base: Value, changes: Value) -> Value {
    let mut section = base;
    for (key, value) in changes.as_object().unwrap() {
        section[key] = value.clone();
    }
    section
}

fn read(section: Value) -> Result<FederationSettings, String> {
    let section: AccessSection = serde_json::from_value(section).unwrap();
    section.federation().map_err(|fault| format!("{}: {}", fault.path.join("."), fault.what))
}

fn oidc(changes: Value) -> Result<OidcSettings, String> {
    let base = json!({"issuer": "https://id.example", "client_id": "i", "users": ["dev"]});
    read(json!({"oidc": with(base, changes)})).map(|settings| settings.oidc.unwrap())
}

fn ldap(changes: Value) -> Result<LdapSettings, String> {
    let base = json!({"url": "ldaps://ldap.example", "base": "dc=example", "users": ["CN=Dev, dc=example"]});
    read(json!({"ldap": with(base, changes)})).map(|settings| settings.ldap.unwrap())
}

fn workload(changes: Value) -> Result<FederationSettings, String> {
    let base = json!({
        "issuer": "https://ci.example", "audience": "entrepot", "claims": {"repository_id": "74"},
        "repositories": ["local/app"], "may": ["push"],
    });
    read(json!({"workloads": [with(base, changes)]}))
}

#[test]
fn a_provider_has_usual_values() {
    let OidcSettings { name, provider, roles } = oidc(json!({})).unwrap();
    assert_eq!(name, "id.example");
    assert_eq!(
        (provider.groups_claim.as_str(), provider.name_claim.as_str()),
        ("groups", "preferred_username")
    );
    assert_eq!(provider.scopes, ["profile", "email"]);
    assert_eq!(roles.role_of(&["dev".to_owned()]), Some(Role::User));
    assert!(oidc(json!({"issuer": "http://127.0.0.1:9000"})).is_ok(), "on this machine");
    assert_eq!(read(json!({})).unwrap().groups_max_age, GROUPS_MAX_AGE);
    assert_eq!(read(json!({"groups_max_age": "1h"})).unwrap().groups_max_age.as_secs(), 3600);
}

#[test]
fn mistakes_of_a_provider() {
    for (changes, expected) in [
        (json!({"issuer": "id.example"}), "oidc.issuer: it is not an address"),
        (json!({"issuer": "http://id.example"}), "oidc.issuer: it has to begin with `https://`"),
        (json!({"issuer": "https://id.example?x"}), "oidc.issuer: it has neither"),
        (json!({"issuer": "https://id.example/#x"}), "oidc.issuer: it has neither"),
        (json!({"issuer": "https://u:p@id.example"}), "oidc.issuer: it has neither"),
        (json!({"client_id": " "}), "oidc.client_id: this is empty"),
        (json!({"client_secret": ""}), "oidc.client_secret: this is empty"),
        (json!({"users": []}), "oidc: nobody could log in"),
    ] {
        let told = oidc(changes.clone()).unwrap_err();
        assert!(told.starts_with(expected), "{changes}: {told}");
    }
}

#[test]
fn a_directory_has_usual_values_and_groups_in_their_normal_form() {
    let LdapSettings { directory, roles } = ldap(json!({})).unwrap();
    assert_eq!((directory.name_attribute.as_str(), directory.groups_attribute.as_str()), ("uid", "memberOf"));
    assert_eq!(roles.role_of(&["cn=dev,dc=example".to_owned()]), Some(Role::User));
    let ad = json!({"filter": "(&(objectClass=user)(sAMAccountName={user}))", "group_base": "ou=g,dc=example", "nested": 2});
    let directory = ldap(ad).unwrap().directory;
    assert_eq!(directory.name_attribute, "sAMAccountName");
    assert_eq!(directory.groups.unwrap().nested, 2);
    for url in ["ldap://127.0.0.1:3890", "ldap://localhost", "ldap://[::1]:389"] {
        assert!(ldap(json!({"url": url})).is_ok(), "{url}");
    }
    assert!(ldap(json!({"url": "ldap://ldap.example", "start_tls": true})).is_ok());
    assert!(ldap(json!({"url": "ldap://ldap.example", "insecure": true})).is_ok());
}

#[test]
fn mistakes_of_a_directory() {
    for (changes, expected) in [
        (json!({"url": "ldap://ldap.example"}), "ldap.url: passwords would be sent without TLS"),
        (json!({"url": "https://ldap.example"}), "ldap.url: it begins with neither"),
        (json!({"url": "ldap.example"}), "ldap.url: it is not an address"),
        (json!({"url": "ldaps://ldap.example/dc=example"}), "ldap.url: it has a host"),
        (json!({"start_tls": true}), "ldap.url: `ldaps://` has TLS from the start"),
        (json!({"bind_dn": "cn=reader"}), "ldap: `bind_dn` and `bind_password` go together"),
        (json!({"bind_dn": "reader", "bind_password": "x"}), "ldap.bind_dn: it is not a distinguished name"),
        (json!({"bind_dn": "cn=reader", "bind_password": ""}), "ldap.bind_password: this is empty"),
        (json!({"base": "example.org"}), "ldap.base: it is not a distinguished name"),
        (json!({"filter": "(uid=alice)"}), "ldap.filter: it has neither `{user}`"),
        (json!({"filter": "uid={user})("}), "ldap.filter: it is not an LDAP filter"),
        (json!({"nested": 1}), "ldap.nested: it needs `group_base`"),
        (json!({"group_filter": "(member={dn})"}), "ldap.group_filter: it needs `group_base`"),
        (json!({"group_base": "ou=g", "nested": 6}), "ldap.nested: at most 5"),
        (
            json!({"group_base": "ou=g", "group_filter": "(memberUid={user})", "nested": 1}),
            "ldap.nested: groups of groups",
        ),
        (json!({"users": ["dev"]}), "ldap.users.0: it is not a distinguished name"),
        (json!({"users": []}), "ldap: nobody could log in"),
    ] {
        let told = ldap(changes.clone()).unwrap_err();
        assert!(told.starts_with(expected), "{changes}: {told}");
    }
}

#[test]
fn mistakes_of_a_workload() {
    assert_eq!(workload(json!({})).unwrap().workloads.len(), 1);
    for (changes, expected) in [
        (json!({"issuer": "http://ci.example"}), "workloads.0.issuer: it has to begin with `https://`"),
        (json!({"audience": ""}), "workloads.0.audience: this is empty"),
        (json!({"claims": {}}), "workloads.0.claims: the rule would let in everybody"),
        (json!({"claims": {"sub": "*"}}), "workloads.0.claims: the rule would let in everybody"),
        (json!({"repositories": ["A"]}), "workloads.0.repositories.0: "),
        (json!({"may": ["own"]}), "workloads.0.may.0: "),
        (json!({"jwks_file": "keys.json", "ca": "ca.pem"}), "workloads.0.jwks_file: with it"),
    ] {
        let told = workload(changes.clone()).unwrap_err();
        assert!(told.starts_with(expected), "{changes}: {told}");
    }
    let rule = json!({"issuer": "https://ci.example", "audience": "a", "claims": {"x": "1"}, "repositories": [], "may": []});
    let told = read(json!({"workloads": [rule, with(rule.clone(), json!({"jwks_file": "keys.json"}))]}))
        .unwrap_err();
    assert!(told.starts_with("workloads.1.issuer: another rule"), "{told}");
}
