//! Login steps in GitHub workflows, and changing them to another registry.
//!
//! Only `docker/login-action` is edited: its `registry`, `username` and `password`. Logins by command are reported and
//! left to the user.

use std::collections::HashMap;

use crate::{
    Document, DocumentKind, Position, RewriteError,
    document::tree,
    edit::DocumentEdits,
    finder::InsertPoint,
    position::LineIndex,
    reading::Edit,
    token::Token,
    tree::{Anchors, Data, Path, TreeNode, View, same::same},
};

/// The action that can be edited.
const ACTION: &str = "docker/login-action";

/// A login step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginStep {
    /// Line and column.
    pub position: Position,
    /// The job that contains it.
    pub job: String,
    /// Path in the document's structure.
    pub place: String,
    /// The way it logs in.
    pub form: LoginForm,
    /// Whether the job or the workflow grants its token `packages: write`; `None` if neither says.
    pub writes_packages: Option<bool>,
}

/// The way a step logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginForm {
    /// With the action; the inputs are as written.
    Action {
        /// The registry; `None`: Docker Hub.
        registry: Option<String>,
        /// The user name.
        username: Option<String>,
        /// The expression that names the secret.
        password: Option<String>,
    },
    /// With a command.
    Command(String),
}

/// The new login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogin {
    /// The registry.
    pub registry: String,
    /// The user name; `None`: unchanged.
    pub username: Option<String>,
    /// The expression that names the secret; `None`: unchanged.
    pub password: Option<String>,
}

// A step and its parts.
struct WorkflowStep<'t> {
    login: LoginStep,
    inputs: Option<View<'t>>,
}

impl Document<'_> {
    /// The login steps, in document order; none for kinds other than workflows.
    pub fn logins(&self) -> Vec<LoginStep> {
        self.with_steps(|steps| steps.into_iter().map(|step| step.login).collect())
    }

    /// The document with changed logins, each identified by its place.
    ///
    /// # Errors
    /// The result would differ in more than these.
    pub fn with_logins(&self, changes: &HashMap<String, NewLogin>) -> Result<String, RewriteError> {
        let work = self.with_steps(|steps| {
            let mut work = DocumentEdits::default();
            for step in &steps {
                let new = changes.get(&step.login.place);
                if let (Some(new), Some(inputs)) = (new, step.inputs) {
                    self.change(inputs, new, &mut work);
                }
            }
            work
        });
        let text = work.apply(self.text);
        let read = tree(&text, self.kind).map_err(|_| RewriteError::Differs)?;
        match (&self.tree, &read) {
            (Some(old), Some(new)) if same(old, new, &work.changes) => Ok(text),
            _ => Err(RewriteError::Differs),
        }
    }

    fn with_steps<T: Default>(&self, work: impl FnOnce(Vec<WorkflowStep<'_>>) -> T) -> T {
        let Some(tree) = self.tree.as_ref().filter(|_| self.kind == DocumentKind::Github) else {
            return T::default();
        };
        let anchors = Anchors::of(tree);
        let Some(root) = tree.documents.first() else { return T::default() };
        work(steps(View::new(root, &anchors), &LineIndex::new(self.text)))
    }

    fn change(&self, inputs: View<'_>, new: &NewLogin, edits: &mut DocumentEdits) {
        match inputs.get("registry") {
            Some(registry) => self.write(registry, &new.registry, edits),
            None => {
                if let Some(first) = first(inputs) {
                    edits.put_before(self.text, &first, "registry", &new.registry);
                }
            }
        }
        for (key, value) in [("username", &new.username), ("password", &new.password)] {
            if let (Some(old), Some(value)) = (inputs.get(key), value) {
                self.write(old, value, edits);
            }
        }
    }

    fn write(&self, old: View<'_>, new: &str, edits: &mut DocumentEdits) {
        let Data::Scalar { text, style } = &old.node.data else { return };
        let token = Token { span: old.node.span.clone(), text: text.clone().into_owned(), style: *style };
        let edit = Edit { slot: 0, range: 0..token.text.len(), new: new.to_owned() };
        if let Some(written) = token.edited(self.text, &[&edit]) {
            edits.write(&token, written.raw, written.text, None);
        }
    }
}

// The first entry of a mapping.
fn first(inputs: View<'_>) -> Option<InsertPoint> {
    let Data::Mapping { pairs, flow } = &inputs.node.data else { return None };
    let (key, value): &(TreeNode<'_>, TreeNode<'_>) = pairs.first()?;
    Some(InsertPoint { key: key.span.start, value: value.span.start, end: value.span.end, flow: *flow })
}

fn steps<'t>(root: View<'t>, lines: &LineIndex<'_>) -> Vec<WorkflowStep<'t>> {
    let mut found = Vec::new();
    let jobs = Path::ROOT.key("jobs");
    for (name, job) in root.get("jobs").map(View::entries).unwrap_or_default() {
        let writes_packages = permission(job).or_else(|| permission(root));
        let path = jobs.key(name);
        let list = path.key("steps");
        for (index, step) in job.get("steps").into_iter().flat_map(View::items).enumerate() {
            let place = list.index(index).to_string();
            let Some((form, at, inputs)) = form(step) else { continue };
            let position = lines.position(at);
            let login = LoginStep { position, job: name.to_owned(), place, form, writes_packages };
            found.push(WorkflowStep { login, inputs });
        }
    }
    found
}

fn form(step: View<'_>) -> Option<(LoginForm, usize, Option<View<'_>>)> {
    if let Some(uses) = step.get("uses")
        && uses.text().is_some_and(|text| text.split('@').next() == Some(ACTION))
    {
        let inputs = step.get("with");
        let text = |key: &str| inputs?.get(key)?.text().map(str::to_owned);
        let form = LoginForm::Action {
            registry: text("registry").filter(|text| !text.is_empty()),
            username: text("username"),
            password: text("password"),
        };
        return Some((form, uses.node.span.start, inputs));
    }
    let run = step.get("run")?;
    let line = run.text()?.lines().find(|line| is_login(line))?;
    Some((LoginForm::Command(line.trim().to_owned()), run.node.span.start, None))
}

fn is_login(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let logs_in = |pair: &[&str]| {
        matches!(
            pair,
            ["docker" | "podman" | "skopeo" | "crane" | "regctl" | "oras" | "buildah" | "helm", "login"]
        )
    };
    words.windows(2).any(logs_in)
}

fn permission(view: View<'_>) -> Option<bool> {
    let permissions = view.get("permissions")?;
    Some(match permissions.text() {
        Some(all) => all == "write-all",
        None => permissions.get("packages").and_then(View::text) == Some("write"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Search;

    const WORKFLOW: &str = "\
jobs:
  push:
    permissions: {packages: write}
    steps:
      - name: Hub # the old one
        uses: docker/login-action@v4
        with:
          username: ${{ secrets.HUB_USER }}
          password: '${{ secrets.HUB_TOKEN }}' # kept
      - uses: docker/login-action@v4
        with: {username: a, password: b}
      - run: |
          echo hi
          echo $TOKEN | docker login -u me --password-stdin
";

    fn changed(text: &str, places: &[&str]) -> String {
        let document = Document::read(text, DocumentKind::Github, &Search::default()).unwrap();
        let new = NewLogin {
            registry: "ghcr.io".into(),
            username: Some("${{ github.actor }}".into()),
            password: Some("${{ secrets.GITHUB_TOKEN }}".into()),
        };
        let changes = places.iter().map(|place| ((*place).to_owned(), new.clone())).collect();
        document.with_logins(&changes).unwrap()
    }

    #[test]
    fn logins_are_found() {
        let document = Document::read(WORKFLOW, DocumentKind::Github, &Search::default()).unwrap();
        let logins = document.logins();
        let places: Vec<&str> = logins.iter().map(|login| login.place.as_str()).collect();
        assert_eq!(places, ["jobs.push.steps[0]", "jobs.push.steps[1]", "jobs.push.steps[2]"]);
        assert_eq!(logins[0].position, Position { line: 6, column: 15 });
        assert!(logins.iter().all(|login| login.writes_packages == Some(true)));
        let command = "echo $TOKEN | docker login -u me --password-stdin";
        assert_eq!(logins[2].form, LoginForm::Command(command.to_owned()));
    }

    #[test]
    fn only_what_is_said_changes() {
        assert_eq!(changed(WORKFLOW, &[]), WORKFLOW);
        let expected = WORKFLOW
            .replace(
                "          username: ${{ secrets.HUB_USER }}\n          password: '${{ secrets.HUB_TOKEN }}'",
                "          registry: ghcr.io\n          username: ${{ github.actor }}\n          password: '${{ secrets.GITHUB_TOKEN }}'",
            );
        let once = changed(WORKFLOW, &["jobs.push.steps[0]"]);
        assert_eq!(once, expected);
        assert_eq!(changed(&once, &["jobs.push.steps[0]"]), once);
        let flow = changed(WORKFLOW, &["jobs.push.steps[1]"]);
        assert!(
            flow.contains(
                "with: {registry: ghcr.io, username: \"${{ github.actor }}\", password: \"${{ secrets.GITHUB_TOKEN }}\"}"
            ),
            "{flow}"
        );
        // The anchor stays with its key.
        let anchored = |text: &str| text.replace("          username: ", "          &u username: ");
        assert_eq!(changed(&anchored(WORKFLOW), &["jobs.push.steps[0]"]), anchored(&expected));
        let crlf = WORKFLOW.replace('\n', "\r\n");
        assert_eq!(changed(&crlf, &["jobs.push.steps[0]"]), expected.replace('\n', "\r\n"));
    }
}
