//! The remaining steps on the machine that runs the stack.

use entrepot_oci::Host;
use entrepot_rewrite::{DocumentKind, Reason, ValueOrigin};

use crate::{
    plan::Plan,
    stack::Stack,
    words::{comment, path},
};

/// The input for the steps.
#[derive(Clone, Debug)]
pub struct Deploy<'a> {
    /// The original stack.
    pub stack: &'a Stack,
    /// Its plan.
    pub plan: &'a Plan,
    /// The registry of the images.
    pub host: &'a Host,
    /// The new files, in the order of the stack's sources.
    pub files: &'a [String],
    /// The new variable files, in the stack's order; `None` for unchanged ones.
    pub variables: &'a [Option<String>],
}

/// The steps, one per line, with all names quoted; a comment after `#` says when a step can be skipped.
pub fn steps(deploy: &Deploy<'_>) -> Vec<String> {
    let compose: Vec<usize> = of_kind(deploy.stack, |kind| kind == DocumentKind::Compose);
    let kubernetes = of_kind(deploy.stack, |kind| matches!(kind, DocumentKind::Kubernetes));
    let mut steps = vec![
        format!("docker login {}  # unless everybody may pull there", deploy.host),
        format!("scp -- {} SERVER:DIR/", all_files(deploy).join(" ")),
    ];
    if !compose.is_empty() {
        let command = compose_command(deploy, &compose);
        steps.push(format!("{command} pull"));
        steps.push(format!("{command} up -d"));
    }
    steps
        .extend(kubernetes.iter().map(|number| format!("kubectl apply -f {}", path(&deploy.files[*number]))));
    steps.extend(remarks(deploy));
    steps
}

fn of_kind(stack: &Stack, is: impl Fn(DocumentKind) -> bool) -> Vec<usize> {
    stack.sources.iter().enumerate().filter(|(_, source)| is(source.kind)).map(|(number, _)| number).collect()
}

fn all_files(deploy: &Deploy<'_>) -> Vec<String> {
    let variables = variables(deploy, 0..deploy.stack.variables.len());
    deploy.files.iter().cloned().chain(variables).map(|file| path(&file)).collect()
}

// The new names of variable files; the old ones if unchanged.
fn variables(deploy: &Deploy<'_>, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let name = |number: usize| {
        let new = deploy.variables.get(number).cloned().flatten();
        new.unwrap_or_else(|| deploy.stack.variables[number].name.clone())
    };
    numbers.into_iter().map(name).collect()
}

// Compose reads `.env` by default unless another variable file is named.
fn compose_command(deploy: &Deploy<'_>, sources: &[usize]) -> String {
    let mut used: Vec<usize> =
        sources.iter().flat_map(|number| deploy.stack.sources[*number].variables.clone()).collect();
    used.sort_unstable();
    used.dedup();
    let is_usual = |number: &usize| {
        let name = &deploy.stack.variables[*number].name;
        deploy.variables.get(*number).is_none_or(Option::is_none) && base(name) == ".env"
    };
    let mut command = "docker compose".to_owned();
    if !used.iter().all(is_usual) {
        for file in variables(deploy, used) {
            command += &format!(" --env-file {}", path(base(&file)));
        }
    }
    for number in sources {
        command += &format!(" -f {}", path(base(&deploy.files[*number])));
    }
    command
}

fn remarks(deploy: &Deploy<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    let built: Vec<&str> = (deploy.plan.left.iter())
        .filter(|kept| matches!(kept.left.reason, Reason::BuildOnly | Reason::Built))
        .filter_map(|kept| kept.left.place.split('.').nth(1))
        .collect();
    if !built.is_empty() {
        remarks.push(format!(
            "# built there, so what they are built from has to be there too: {}",
            listed(built)
        ));
    }
    let users = deploy.plan.entries.iter().flat_map(|entry| &entry.users);
    let shell: Vec<&str> = users
        .flat_map(|user| &user.variables)
        .filter(|(_, origin)| *origin == ValueOrigin::Environment)
        .map(|(name, _)| name.as_str())
        .collect();
    if !shell.is_empty() {
        remarks.push(format!(
            "# taken from the environment here, so to be set there as well: {}",
            listed(shell)
        ));
    }
    remarks
}

fn listed(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    comment(&names.join(", "))
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
