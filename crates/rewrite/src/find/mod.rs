//! Finds images in each kind of document.

mod ansible;
mod bake;
mod bitbucket;
mod circleci;
mod compose;
mod devcontainer;
mod github;
mod gitlab;
mod helm;
mod kubernetes;
mod kustomize;
mod tekton;
mod values;
mod woodpecker;

use crate::{
    finder::Finder,
    kind::DocumentKind,
    tree::{Anchors, SyntaxError, Tree, View},
};

/// Collects the candidates of a document that has a tree.
pub(crate) fn find(kind: DocumentKind, tree: &Tree<'_>, finder: &mut Finder<'_>) -> Result<(), SyntaxError> {
    let anchors = Anchors::of(tree);
    for document in &tree.documents {
        let root = View::new(document, &anchors);
        match kind {
            DocumentKind::Compose => compose::find(root, finder),
            DocumentKind::Helm => helm::find(root, finder),
            DocumentKind::Kustomize => kustomize::find(root, finder),
            DocumentKind::Github => github::find(root, finder),
            DocumentKind::Gitlab => gitlab::find(root, finder),
            DocumentKind::Devcontainer => devcontainer::find(root, finder),
            DocumentKind::Kubernetes => kubernetes::find(root, finder),
            DocumentKind::Woodpecker => woodpecker::find(root, finder),
            DocumentKind::Circleci => circleci::find(root, finder),
            DocumentKind::Bitbucket => bitbucket::find(root, finder),
            DocumentKind::Ansible => ansible::find(root, finder),
            DocumentKind::Bake => bake::find(root, finder),
            // These have no tree.
            DocumentKind::Dockerfile
            | DocumentKind::Hcl
            | DocumentKind::Quadlet
            | DocumentKind::Script
            | DocumentKind::Env
            | DocumentKind::List => {}
        }
    }
    if anchors.are_exhausted() {
        let what = "its aliases and merge keys expand to too much".to_owned();
        return Err(SyntaxError { at: 0, what });
    }
    Ok(())
}
