//! The documents of real projects, and of made-up ones: what a move makes of them, and back.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on ends, and says why")]

use std::{fs, path::PathBuf};

use entrepot_migrate::{
    Direction, EditedFile, Editor, File, LoginSection, Migration, MigrationSection, Moves, NamesSection,
};
use entrepot_rewrite::{Document, DocumentKind, Reason, Search};
use entrepot_sync::rules::{TagsSection, TextList};

fn migration(from: &str, to: &str, names: &str, secret: Option<&str>) -> Migration {
    let section = MigrationSection {
        from: from.to_owned(),
        to: to.to_owned(),
        repositories: TextList::default(),
        names: NamesSection::Template(names.to_owned()),
        tags: TagsSection::default(),
        documents: TextList::default(),
        login: secret.map(|secret| LoginSection { username: None, secret: Some(secret.to_owned()) }),
        source: None,
    };
    Migration::check(&section).unwrap()
}

fn edit(migration: &Migration, repositories: &[&str], file: &File, direction: Direction) -> EditedFile {
    let names: Vec<String> = repositories.iter().map(|name| (*name).to_owned()).collect();
    let moves = Moves::of(migration, &names);
    assert!(moves.problems.is_empty(), "{:?}", moves.problems);
    let editor = Editor::new(migration, &moves.moves, std::slice::from_ref(file), direction).unwrap();
    editor.edit(file).unwrap()
}

// A real file, where they are to be had.
fn case(name: &str, called: &str) -> Option<File> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Some(File { name: called.to_owned(), text }),
        Err(_) => {
            println!("skipped: the real files are not at {}", path.display());
            None
        }
    }
}

fn images(file: &File) -> Vec<String> {
    let kind = DocumentKind::of(&file.name, &file.text).unwrap();
    let search = Search { built: true, arguments: true, ..Search::default() };
    let document = Document::read(&file.text, kind, &search).unwrap();
    document.images().map(ToString::to_string).collect()
}

// What a move makes of a file, and that its images are the same after the way back.
fn there_and_back(migration: &Migration, repositories: &[&str], file: &File) -> EditedFile {
    let there = edit(migration, repositories, file, Direction::There);
    let moved = File { name: file.name.clone(), text: there.text.clone() };
    let back = edit(migration, repositories, &moved, Direction::Back);
    let back = File { name: file.name.clone(), text: back.text };
    assert_eq!(images(&back), images(file));
    let again = edit(migration, repositories, &moved, Direction::There);
    assert_eq!(again.text, there.text, "a second time changes nothing");
    there
}

const AIBRIX: [&str; 6] =
    ["controller-manager", "gateway-plugins", "metadata-service", "runtime", "kvcache-watcher", "vllm-mock"];

#[test]
fn the_workflow_of_aibrix_moves_to_its_own_organization() {
    let Some(file) = case("vllm-project-aibrix-docker-push-images.yml", ".github/workflows/push.yml") else {
        return;
    };
    let secret = "AIBRIX_ORG_PACKAGE_UPDATE_GITHUB_TOKEN";
    let migration = migration("docker.io/aibrix", "ghcr.io/aibrix", "{name}", Some(secret));
    // There is no way back: what named the new registry before could not be told from the rest.
    let edited = edit(&migration, &AIBRIX, &file, Direction::There);
    let expected = file
        .text
        .replacen("            aibrix/$", "            ghcr.io/aibrix/$", 2)
        .replace(
            "          username: ${{ secrets.DOCKER_HUB_USERNAME }}\n          password: ${{ secrets.DOCKER_HUB_ACCESS_TOKEN }}",
            "          registry: ghcr.io\n          username: ${{ github.actor }}\n          password: ${{ secrets.AIBRIX_ORG_PACKAGE_UPDATE_GITHUB_TOKEN }}",
        );
    assert_eq!(edited.text, expected);
    // Two lines, with six values each.
    assert_eq!((edited.changes.len(), edited.logins.len()), (12, 1));
    let told: Vec<&str> = edited.remarks.iter().map(|remark| remark.what.as_str()).collect();
    assert_eq!(told, ["job `build-push-dockerhub` now pushes what job `build-push-ghcr` pushes already"]);
    assert_eq!(edited.left.iter().filter(|left| left.reason == Reason::AlreadyThere).count(), 12);
}

#[test]
fn the_workflow_of_aibrix_moves_to_the_parent_project() {
    let Some(file) = case("vllm-project-aibrix-docker-push-images.yml", ".github/workflows/push.yml") else {
        return;
    };
    let migration = migration("docker.io/aibrix", "ghcr.io/vllm-project", "aibrix-{name}", None);
    let edited = there_and_back(&migration, &AIBRIX, &file);
    assert_eq!(edited.text.matches("ghcr.io/vllm-project/aibrix-${{ matrix.component.name }}:").count(), 2);
    assert_eq!(edited.text.matches("password: ${{ secrets.GITHUB_TOKEN }}").count(), 1);
    assert!(edited.remarks.is_empty(), "{:?}", edited.remarks);
    // Where one value of the matrix does not move, the name that holds for all of them stays.
    let edited = edit(&migration, &AIBRIX[..5], &file, Direction::There);
    assert_eq!((edited.text.as_str(), edited.changes.len()), (file.text.as_str(), 0));
    let shared = edited.left.iter().filter(|left| matches!(left.reason, Reason::Shared(_)));
    assert_eq!(shared.count(), 10);
}

#[test]
fn other_real_documents_move() {
    let aibrix = migration("docker.io/aibrix", "ghcr.io/aibrix", "{name}", None);
    if let Some(file) = case("vllm-project-aibrix-release-kustomization.yaml", "config/kustomization.yaml") {
        let repositories: Vec<&str> = AIBRIX.into_iter().chain(["kuberay-operator"]).collect();
        let edited = there_and_back(&aibrix, &repositories, &file);
        assert_eq!(edited.changes.len(), 5);
        assert!(edited.text.contains("  newName: ghcr.io/aibrix/kuberay-operator\n"), "{}", edited.text);
        assert!(
            edited
                .text
                .contains("- name: aibrix/runtime\n  newName: ghcr.io/aibrix/runtime\n  newTag: v0.7.0\n"),
            "{}",
            edited.text
        );
    }
    if let Some(file) = case("vllm-project-vllm-ascend-Dockerfile", "Dockerfile") {
        let ascend = migration("quay.io/ascend", "ghcr.io/vllm-project", "{name}", None);
        let edited = there_and_back(&ascend, &["cann"], &file);
        let expected = file.text.replace("\"quay.io/ascend/cann\"", "\"ghcr.io/vllm-project/cann\"");
        assert_eq!(edited.text, expected);
    }
    if let Some(file) =
        case("ascend-gha-runners-sync-tools-sync-images.yml", ".github/workflows/sync-images.yml")
    {
        let skopeo = migration("quay.io/skopeo", "ghcr.io/me", "skopeo-{name}", None);
        let edited = there_and_back(&skopeo, &["stable"], &file);
        let expected = file.text.replace("quay.io/skopeo/stable:latest", "ghcr.io/me/skopeo-stable:latest");
        assert_eq!(edited.text, expected);
    }
}

fn workflow(steps: &str) -> File {
    let text = format!("on: push\njobs:\n  push:\n    permissions: {{packages: write}}\n    steps:\n{steps}");
    File { name: ".github/workflows/push.yml".to_owned(), text }
}

const BUILD: &str =
    "      - uses: docker/build-push-action@v7\n        with: {push: true, tags: \"team/app:1\"}\n";
const LOGIN: &str =
    "      - uses: docker/login-action@v4\n        with: {username: a, password: \"${{ secrets.HUB }}\"}\n";

#[test]
fn what_is_not_clear_about_a_login_is_told() {
    let ghcr = migration("docker.io/team", "ghcr.io/team", "{name}", None);
    let quay = migration("docker.io/team", "quay.io/team", "{name}", None);
    let other = "      - uses: docker/build-push-action@v7\n        with: {tags: \"somebody/else:1\"}\n";
    let run = "      - run: echo $X | docker login -u me --password-stdin\n";
    let there =
        "      - uses: docker/login-action@v4\n        with: {registry: ghcr.io, username: a, password: b}\n";
    let variable =
        "      - uses: docker/login-action@v4\n        with: {registry: \"${{ env.REGISTRY }}\"}\n";
    for (migration, steps, logins, told) in [
        (&ghcr, format!("{LOGIN}{BUILD}"), 1, None),
        (&ghcr, format!("{there}{LOGIN}{BUILD}"), 0, None),
        (
            &ghcr,
            format!("{LOGIN}{BUILD}{other}"),
            0,
            Some("job `push` pushes `somebody/else:1` to `docker.io` as well, so its login stays"),
        ),
        (
            &ghcr,
            format!("{run}{BUILD}"),
            0,
            Some("job `push` logs in by a command, and pushes to `ghcr.io` now"),
        ),
        (
            &ghcr,
            format!("{variable}{BUILD}"),
            0,
            Some("where job `push` logs in to is in a variable, and it pushes to `ghcr.io` now"),
        ),
        (&ghcr, BUILD.to_owned(), 0, Some("job `push` pushes to `ghcr.io` now, and logs in nowhere")),
        (
            &quay,
            format!("{LOGIN}{BUILD}"),
            0,
            Some("job `push` logs in to `docker.io`, and pushes to `quay.io` now"),
        ),
    ] {
        let edited = edit(migration, &["app"], &workflow(&steps), Direction::There);
        let remarks: Vec<&str> = edited.remarks.iter().map(|remark| remark.what.as_str()).collect();
        assert_eq!((edited.logins.len(), remarks), (logins, told.into_iter().collect::<Vec<_>>()), "{steps}");
    }
    let mut bare = workflow(&format!("{LOGIN}{BUILD}"));
    bare.text = bare.text.replace("    permissions: {packages: write}\n", "");
    let edited = edit(&ghcr, &["app"], &bare, Direction::There);
    assert_eq!(edited.remarks[0].what, "the token of job `push` may not write packages");
}
