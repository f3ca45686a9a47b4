//! Properties of rewriting: without rules nothing changes; only images change; a second run changes nothing.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::{Census, Document, DocumentKind, Naming, RewriteError, Rules, Search, laws};

/// The spelling of an image.
#[derive(Clone, Debug)]
struct Written {
    name: String,
    version: String,
    variable: usize,
    quote: usize,
    comment: bool,
}

fn written() -> impl Strategy<Value = Written> {
    const HOSTS: &[&str] = &["", "", "docker.io/", "quay.io/", "registry.k8s.io/", "ghcr.io/"];
    const PATHS: &[&str] = &["", "a/", "team/app/", "a-b/c.d/e__f/"];
    const VERSIONS: &[&str] = &["", ":1", ":latest", ":v1.2_3-x", "@DIGEST", ":1.0@DIGEST"];
    (select(HOSTS), select(PATHS), 0..30_usize, select(VERSIONS), 0..4_usize, 0..3_usize, any::<bool>())
        .prop_map(|(host, path, number, version, variable, quote, comment)| Written {
            name: format!("{host}{path}img{number}"),
            version: version.replace("DIGEST", &format!("sha256:{}", "a1".repeat(32))),
            variable,
            quote,
            comment,
        })
}

impl Written {
    // The reference, with a variable in it for kinds that have them.
    fn text(&self, variables: bool) -> String {
        let Self { name, version, .. } = self;
        match self.variable {
            1 if variables => format!("${{IMG:-{name}{version}}}"),
            2 if variables && !version.contains('@') => format!("{name}:${{TAG:-2}}"),
            3 if variables => format!("${{NAME-{name}}}{version}"),
            _ => format!("{name}{version}"),
        }
    }

    fn yaml(&self, variables: bool, flow: bool) -> String {
        let text = self.text(variables);
        match self.quote {
            1 => format!("'{text}'"),
            2 => format!("\"{text}\""),
            _ if flow && text.contains('{') => format!("\"{text}\""),
            _ => text,
        }
    }

    fn comment(&self) -> &'static str {
        if self.comment { " # image: not/one:1 # x" } else { "" }
    }
}

fn compose(images: &[Written]) -> String {
    let mut text = "# image: not/one\nx-base: &base\n    restart: always\n\nservices:\n".to_owned();
    for (index, image) in images.iter().enumerate() {
        let comment = image.comment();
        text.push_str(&match index % 4 {
            0 => format!(
                "  s{index}:\n    <<: *base\n    image: {}{comment}\n    ports: [1]\n\n",
                image.yaml(true, false)
            ),
            1 => {
                format!("  s{index}: {{image: {}, command: \"image: x\"}}{comment}\n", image.yaml(true, true))
            }
            2 => format!(
                "  s{index}:\n    image: &a{index}   {}{comment}\n    x: *a{index}\n",
                image.yaml(true, false)
            ),
            _ => format!("  s{index}:\n      image: |-\n        {}\n      build_: .\n", image.text(true)),
        });
    }
    text
}

fn kubernetes(images: &[Written]) -> String {
    let documents = images.chunks(3).map(|chunk| {
        let containers = chunk.iter().enumerate().map(|(index, image)| match index {
            0 => format!("    - image: {}{}\n      name: x\n", image.yaml(false, false), image.comment()),
            1 => format!("    - {{name: y, image: {} , tty: true}}\n", image.yaml(false, true)),
            _ => format!("    -   name: z\n        \"image\":   {}\n", image.yaml(false, false)),
        });
        let containers: String = containers.collect();
        format!("apiVersion: v1\nkind: Pod # pod\nspec:\n    containers:\n{containers}    terminationGracePeriodSeconds: 1\n")
    });
    documents.collect::<Vec<_>>().join("---\n# between\n")
}

fn json(images: &[Written]) -> String {
    let items = images.iter().map(|image| format!("\t{{\"image\": \"{}\"}}", image.text(false)));
    let items = items.collect::<Vec<_>>().join(",\n");
    format!("{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {{\"containers\": [\n{items}\n]}}}}\n")
}

fn helm(images: &[Written]) -> String {
    let entries = images.iter().enumerate().map(|(index, image)| match index % 3 {
        0 => format!("p{index}:\n  image: {}{}\n", image.yaml(false, false), image.comment()),
        1 => format!(
            "p{index}:\n  image:\n    repository: {}\n    tag: \"9\"{}\n",
            image.name,
            image.comment()
        ),
        _ => format!(
            "p{index}: {{image: {{registry: reg{index}.test, repository: {0}, tag: 1.30}}}}\n",
            name(image)
        ),
    });
    format!("replicas: 1\n\n{}tail: [] # x\n", entries.collect::<String>())
}

// Without the registry.
fn name(image: &Written) -> &str {
    match image.name.split_once('/') {
        Some((host, rest)) if host.contains('.') => rest,
        _ => &image.name,
    }
}

fn kustomize(images: &[Written]) -> String {
    let entries = images.iter().enumerate().map(|(index, image)| match index % 3 {
        0 => format!("- name: {}{}\n  newTag: v1\n", image.name, image.comment()),
        1 => format!("- {{newTag: v1, name: {}}}\n", image.name),
        _ => format!("- newName: '{}'{}\n  name: other\n", image.name, image.comment()),
    });
    format!("resources: [a]\nimages:\n{}", entries.collect::<String>())
}

fn dockerfile(images: &[Written]) -> String {
    let lines = images.iter().enumerate().map(|(index, image)| {
        let text = image.text(true);
        match index % 5 {
            0 => format!("FROM --platform=$P {text} AS s{index}\nRUN echo FROM nope\n"),
            1 => format!("FROM scratch\nCOPY --from={0} /a /b\n", image.text(false)),
            2 => format!("from \\\n  # FROM no\n  {text}\n"),
            3 => format!(
                "FROM scratch\nRUN --mount=type=bind,from={},target=/x <<EOF\nFROM no\nEOF\n",
                image.text(false)
            ),
            _ => format!("FROM scratch\nONBUILD COPY --from={} . .\n", image.text(false)),
        }
    });
    format!("# escape=\\\n# FROM comment\n{}", lines.collect::<String>())
}

fn github(images: &[Written]) -> String {
    let jobs = images.iter().enumerate().map(|(index, image)| match index % 3 {
        0 => format!("  j{index}:\n    container: {}{}\n", image.yaml(false, false), image.comment()),
        1 => format!("  j{index}:\n    services:\n      x: {{image: {}}}\n", image.yaml(false, true)),
        _ => format!(
            "  j{index}:\n    steps:\n      - uses: docker://{}\n      - run: echo image\n",
            image.text(false)
        ),
    });
    format!("on: push\njobs:\n{}", jobs.collect::<String>())
}

fn gitlab(images: &[Written]) -> String {
    let jobs = images.iter().enumerate().map(|(index, image)| match index % 4 {
        0 => format!("j{index}:\n  image: {}{}\n", image.yaml(false, false), image.comment()),
        1 => format!("j{index}:\n  services:\n    - {}{}\n", image.yaml(false, false), image.comment()),
        2 => format!(
            "j{index}:\n  services:\n    - name: {}{}\n      command: x\n",
            image.yaml(false, false),
            image.comment()
        ),
        _ => format!("j{index}: {{image: {{name: {}, entrypoint: []}}}}\n", image.yaml(false, true)),
    });
    format!("stages: [a]\n{}", jobs.collect::<String>())
}

fn devcontainer(images: &[Written]) -> String {
    let images = images.iter().map(|image| format!("\t\t\"{}\", // c\n", image.text(true)));
    format!("// c\n{{\n\t\"build\": {{\"cacheFrom\": [\n{}\t]}},\n}}\n", images.collect::<String>())
}

fn list(images: &[Written]) -> String {
    images.iter().map(|image| format!("  {}{}\n", image.text(false), image.comment())).collect()
}

fn env(images: &[Written]) -> String {
    let lines = images.iter().enumerate();
    let lines = lines
        .map(|(index, image)| format!("A{index}_IMAGE={}{}\n", image.yaml(false, false), image.comment()));
    format!("# A_IMAGE=x\nB=1\n{}", lines.collect::<String>())
}

type Maker = fn(&[Written]) -> String;

const MAKERS: [(DocumentKind, Maker); 11] = [
    (DocumentKind::Compose, compose),
    (DocumentKind::Kubernetes, kubernetes),
    (DocumentKind::Kubernetes, json),
    (DocumentKind::Helm, helm),
    (DocumentKind::Kustomize, kustomize),
    (DocumentKind::Dockerfile, dockerfile),
    (DocumentKind::Github, github),
    (DocumentKind::Gitlab, gitlab),
    (DocumentKind::Devcontainer, devcontainer),
    (DocumentKind::List, list),
    (DocumentKind::Env, env),
];

fn namings() -> Vec<Naming> {
    vec![
        Naming::Prefix("m.test".parse().unwrap()),
        Naming::Prefix("m.test/a/b".parse().unwrap()),
        Naming::Alias { domain: "m.test".parse().unwrap(), aliases: Vec::new() },
        Naming::Template("m.test/x/{host}/{short}".parse().unwrap()),
    ]
}

fn rewrite(kind: DocumentKind, text: &str, naming: Naming) -> Result<(String, usize), RewriteError> {
    let document =
        Document::read(text, kind, &Search::default()).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let rules = Rules { naming, ..Rules::default() };
    let done = document.rewrite(&rules, &mut Census::default())?;
    Ok((done.text, done.changes.len()))
}

// The lines other than those of a generated or inserted image.
fn others(text: &str) -> Vec<&str> {
    let is_other = |line: &&str| {
        let code = line.split(" # ").next().unwrap_or(line);
        !code.contains("img") && !code.contains("m.test") && !code.contains(".test")
    };
    text.split_inclusive('\n').filter(is_other).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // 64 × 11 documents.
    #[test]
    fn laws_of_rewriting(
        images in vec(written(), 1..9),
        crlf in any::<bool>(),
        bom in any::<bool>(),
        end in any::<bool>(),
        naming in 0..4_usize,
    ) {
        for (kind, make) in MAKERS {
            let mut text = make(&images);
            if !end {
                text.truncate(text.trim_end().len());
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if bom {
                text.insert(0, '\u{feff}');
            }
            let document = Document::read(&text, kind, &Search::default()).unwrap();
            prop_assert_eq!(document.images().count(), images.len(), "{:?}\n{}", kind, text);
            prop_assert_eq!(&rewrite(kind, &text, Naming::Map).unwrap().0, &text);
            let naming = || namings().swap_remove(naming);
            let (once, changes) = rewrite(kind, &text, naming()).unwrap();
            let known = matches!(naming(), Naming::Alias { .. });
            prop_assert!(changes == images.len() || known, "{:?} {} of {}\n{}", kind, changes, images.len(), text);
            prop_assert_eq!(others(&once), others(&text));
            let (twice, again) = rewrite(kind, &once, naming()).unwrap();
            prop_assert_eq!((&twice, again), (&once, 0));
            prop_assert_eq!(text.contains('\r'), once.contains('\r'));
        }
    }

    // Any mutation of a document: it is refused, or the laws hold.
    #[test]
    fn damaged_documents_are_refused_or_kept(
        images in vec(written(), 1..6),
        which in 0..MAKERS.len(),
        damage in vec((any::<prop::sample::Index>(), select(&["", ":", "\"", "'", "{", "}", "[", "\n", "  ", "#", "&a ", "*a", "$", "${", "\\", "\t", "|", "- ", "é", "\r", "<<"][..])), 1..6),
    ) {
        let (kind, make) = MAKERS[which];
        let mut text = make(&images);
        for (at, new) in damage {
            let mut at = at.index(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            text.insert_str(at, new);
        }
        laws::document(&text, kind);
    }

    // Values that refer to each other, and a document of every kind that uses them.
    #[test]
    fn what_is_filled_in_is_bounded(
        values in vec(vec((0..3_usize, 0..40_usize), 0..6), 1..40),
        used in vec(0..40_usize, 1..12),
    ) {
        let value = |parts: &[(usize, usize)]| {
            let parts = parts.iter().map(|(form, name)| match form {
                0 => format!("$A{name}"),
                1 => format!("${{A{name}:-v/${{A{}}}}}", name + 1),
                _ => "registry.test/a".to_owned(),
            });
            parts.collect::<String>()
        };
        let file: String =
            values.iter().enumerate().map(|(number, parts)| format!("A{number}={}\n", value(parts))).collect();
        let name: String = used.iter().map(|name| format!("${{A{name}}}")).collect();
        for (kind, document) in [
            (DocumentKind::Compose, format!("services: {{a: {{image: '{name}'}}}}\n")),
            (DocumentKind::Env, file.replace("A1=", "A1_IMAGE=")),
            (DocumentKind::Dockerfile, format!("{}FROM {name}\n", file.replace("A", "ARG A"))),
            (DocumentKind::Gitlab, format!("variables:\n  {}\njob: {{image: '{name}'}}\n", file.trim_end().replace('=', ": ").replace('\n', "\n  "))),
            (DocumentKind::Helm, format!("image: {{registry: '{name}', repository: '{name}', tag: '{name}'}}\n")),
            (DocumentKind::Kubernetes, format!("kind: Pod\nspec: {{containers: [{{image: '{name}'}}]}}\n")),
            (DocumentKind::List, format!("{name}\n")),
        ] {
            laws::variables(&file, &document, kind);
        }
    }
}
