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
    kind::Kind,
    tree::{Anchors, Fault, Tree, View},
};

/// Collects the candidates of a document that has a tree.
pub(crate) fn find(kind: Kind, tree: &Tree<'_>, finder: &mut Finder<'_>) -> Result<(), Fault> {
    let anchors = Anchors::of(tree);
    for document in &tree.documents {
        let root = View::new(document, &anchors);
        match kind {
            Kind::Compose => compose::find(root, finder),
            Kind::Helm => helm::find(root, finder),
            Kind::Kustomize => kustomize::find(root, finder),
            Kind::Github => github::find(root, finder),
            Kind::Gitlab => gitlab::find(root, finder),
            Kind::Devcontainer => devcontainer::find(root, finder),
            Kind::Kubernetes => kubernetes::find(root, finder),
            Kind::Woodpecker => woodpecker::find(root, finder),
            Kind::Circleci => circleci::find(root, finder),
            Kind::Bitbucket => bitbucket::find(root, finder),
            Kind::Ansible => ansible::find(root, finder),
            Kind::Bake => bake::find(root, finder),
            // These have no tree.
            Kind::Dockerfile | Kind::Hcl | Kind::Quadlet | Kind::Script | Kind::Env | Kind::List => {}
        }
    }
    if anchors.are_exhausted() {
        let what = "its aliases and merge keys expand to too much".to_owned();
        return Err(Fault { at: 0, what });
    }
    Ok(())
}
