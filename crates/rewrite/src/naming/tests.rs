//! Names, one by one.

use entrepot_oci::{Digest, ImageRef};

use super::*;

fn found(text: &str) -> DocumentImage {
    let mut found = DocumentImage::from(&text.parse::<ImageRef>().unwrap());
    found.tag = found.tag.filter(|_| text.rsplit('/').next().unwrap().contains(':'));
    found
}

fn named(naming: Naming, text: &str) -> String {
    let rules = Rules { naming, ..Rules::default() };
    match rules.name(&found(text)) {
        Ok(target) => target.name(),
        Err(reason) => reason.word().to_owned(),
    }
}

fn prefix() -> Naming {
    Naming::Prefix("m.daocloud.io".parse().unwrap())
}

#[test]
fn prefix_holds_the_whole_name() {
    for (text, name) in [
        ("nginx:1", "m.daocloud.io/docker.io/library/nginx"),
        ("bitnami/redis", "m.daocloud.io/docker.io/bitnami/redis"),
        ("registry-1.docker.io/library/x", "m.daocloud.io/docker.io/library/x"),
        ("quay.io/a/b/c", "m.daocloud.io/quay.io/a/b/c"),
        ("m.daocloud.io/docker.io/library/nginx", "already"),
        ("host:5000/x", "no-such-name"),
        ("localhost/x", "local"),
        ("localhost:5000/x", "local"),
    ] {
        assert_eq!(named(prefix(), text), name, "{text}");
    }
}

#[test]
fn aliases_are_those_of_the_seed() {
    let naming = || Naming::Alias { domain: "m.daocloud.io".parse().unwrap(), aliases: Vec::new() };
    for (text, name) in [
        ("nginx", "docker.m.daocloud.io/library/nginx"),
        ("docker.elastic.co/a/b", "elastic.m.daocloud.io/a/b"),
        ("gcr.io/a", "gcr.m.daocloud.io/a"),
        ("ghcr.io/a/b", "ghcr.m.daocloud.io/a/b"),
        ("k8s.gcr.io/pause", "k8s-gcr.m.daocloud.io/pause"),
        ("registry.k8s.io/pause", "k8s.m.daocloud.io/pause"),
        ("mcr.microsoft.com/a", "mcr.m.daocloud.io/a"),
        ("nvcr.io/nvidia/cuda", "nvcr.m.daocloud.io/nvidia/cuda"),
        ("quay.io/a/b", "quay.m.daocloud.io/a/b"),
        ("example.com/a/b", "unmapped"),
        ("docker.m.daocloud.io/library/nginx", "already"),
        ("m.daocloud.io/docker.io/x", "already"),
        ("notm.daocloud.io/x", "unmapped"),
    ] {
        assert_eq!(named(naming(), text), name, "{text}");
    }
    let aliases = vec![("example.com".parse().unwrap(), "ex".to_owned())];
    let own = Naming::Alias { domain: "m.test".parse().unwrap(), aliases };
    assert_eq!(named(own, "example.com/a"), "ex.m.test/a");
}

#[test]
fn flatten_is_that_of_the_seed() {
    let naming = || Naming::Flatten("registry.cn-heyuan.aliyuncs.com/yarnb-docker-mirrors".parse().unwrap());
    let root = "registry.cn-heyuan.aliyuncs.com/yarnb-docker-mirrors";
    for (text, name) in [
        ("nginx:latest", "nginx"),
        ("docker.io/library/nginx", "nginx"),
        ("langgenius/dify-api:2.0.0-beta.2", "langgenius-dify-api"),
        ("ghcr.io/chroma-core/chroma:0.5.20", "chroma-core-chroma"),
        ("host:5000/x", "x"),
    ] {
        assert_eq!(named(naming(), text), format!("{root}/{name}"), "{text}");
    }
    assert_eq!(named(naming(), &format!("{root}/nginx")), "already");
    assert_eq!(named(naming(), "registry.cn-heyuan.aliyuncs.com/other/x"), format!("{root}/other-x"));
}

#[test]
fn templates() {
    let naming = |text: &str| Naming::Template(text.parse().unwrap());
    assert_eq!(
        named(naming("hub.test/a/{host}/{repository}"), "nginx"),
        "hub.test/a/docker.io/library/nginx"
    );
    assert_eq!(named(naming("hub.test/{namespace}/{name}-x"), "quay.io/n/a"), "hub.test/n/a-x");
    assert_eq!(named(naming("hub.test/{namespace}/{name}"), "quay.io/a"), "hub.test/a");
    assert_eq!(named(naming("hub.test/p-{flat}"), "hub.test/p"), "already");
    for (text, message) in [
        (
            "{host}/x",
            "a template begins with the name of a registry, as in `hub.example.com/{repository}`; this is `{host}/x`",
        ),
        (
            "hub.test/{nope}",
            "`{nope}` is not known; there are {host}, {repository}, {short}, {namespace}, {name} and {flat}",
        ),
        ("hub.test/{name", "`{` without `}` in `hub.test/{name`"),
        ("hub.test/x", "`hub.test/x` gives every image the same name"),
    ] {
        assert_eq!(text.parse::<Template>().unwrap_err().to_string(), message);
    }
}

#[test]
fn mapped_names_go_first() {
    let map = Map::read(["nginx=a.test/web", "redis:7=a.test/cache:seven", "# c", ""]).unwrap();
    let rules = Rules { map, naming: prefix(), ..Rules::default() };
    assert_eq!(rules.name(&found("nginx:1")).unwrap().name(), "a.test/web");
    assert_eq!(rules.name(&found("redis:7")).unwrap().tag.unwrap().as_str(), "seven");
    assert_eq!(rules.name(&found("redis:6")).unwrap().name(), "m.daocloud.io/docker.io/library/redis");
    assert_eq!(rules.name(&found("a.test/web:1")), Err(Reason::AlreadyThere));
    let pinned = format!("nginx@{}", Digest::of(b""));
    assert_eq!(rules.name(&found(&pinned)).unwrap().name(), "a.test/web");
    for (pairs, message) in [
        (vec!["nginx"], "`nginx` is not `OLD=NEW`"),
        (vec!["a=b.test/x", "b.test/x=c.test/y"], "`b.test/x` is both an old and a new name"),
        (vec!["a=b", "a=c"], "`a` is mapped to two names"),
        (vec!["a=b:1"], "`b:1` sets a tag without saying which tag it replaces"),
    ] {
        assert_eq!(Map::read(pairs).unwrap_err().to_string(), message);
    }
}

#[test]
fn collisions_name_both() {
    let naming = Naming::Flatten("r.test/n".parse().unwrap());
    let rules = Rules { naming, ..Rules::default() };
    let mut census = Census::default();
    for text in ["quay.io/a/b:1", "quay.io/a/b:2"] {
        census.add(&found(text), &rules.name(&found(text)).unwrap()).unwrap();
    }
    let other = found("ghcr.io/a/b");
    let collision = census.add(&other, &rules.name(&other).unwrap()).unwrap_err();
    assert_eq!(collision.to_string(), "`quay.io/a/b` and `ghcr.io/a/b` would both be `r.test/n/a-b`");
}
