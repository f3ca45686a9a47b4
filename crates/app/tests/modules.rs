//! No ring of modules in any crate: what two modules need of each other stands in a third one below both.
//!
//! A module is a file here. It needs another one if it names something that is defined there, by whatever path: names
//! that are only passed on (`pub use`) are followed to where they are defined. Tests may look wherever they like.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, UseTree, Visibility,
    visit::{self, Visit},
};

/// A path from the crate's root.
type Name = Vec<String>;

/// One file.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// Names that stand for something elsewhere, and for what.
    aliases: BTreeMap<String, Name>,
    /// Modules of which everything is passed on.
    globs: Vec<Name>,
    /// Paths as they are written, made absolute.
    named: BTreeSet<Name>,
}

#[derive(Default)]
struct Crate {
    modules: BTreeMap<Name, Module>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut found = Self::default();
        let root = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().find(|file| file.exists());
        found.add(root.unwrap(), source, Vec::new());
        found
    }

    // Reads a file, and those that it declares, which are in `folder`.
    fn add(&mut self, file: PathBuf, folder: &Path, name: Name) {
        let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
        let mut reading = Reading { at: name.clone(), ..Reading::default() };
        reading.module.file = file;
        reading.visit_file(&parsed);
        let Reading { module, declared, .. } = reading;
        self.modules.insert(name.clone(), module);
        for (child, given) in declared {
            let inner = folder.join(&child);
            let file = match given {
                Some(path) => folder.join(path),
                None if inner.join("mod.rs").exists() => inner.join("mod.rs"),
                None => folder.join(format!("{child}.rs")),
            };
            self.add(file, &inner, [name.clone(), vec![child]].concat());
        }
    }

    /// The file that defines what a path leads to, seen from `from`; none if it is itself a file, or not ours.
    fn defines(&self, path: &[String], depth: usize) -> Option<Name> {
        let length = (0..=path.len()).rev().find(|length| self.modules.contains_key(&path[..*length]))?;
        let (at, rest) = path.split_at(length);
        let [first, more @ ..] = rest else { return None };
        let module = &self.modules[at];
        if depth > 8 {
            return None;
        }
        if let Some(elsewhere) = module.aliases.get(first) {
            let path = [elsewhere.as_slice(), more].concat();
            return self.defines(&path, depth + 1);
        }
        Some(at.to_vec())
    }

    fn needs(&self) -> BTreeMap<&Name, BTreeSet<Name>> {
        let of = |(name, module): (_, &Module)| {
            let needed = module.named.iter().filter_map(|path| self.defines(path, 0));
            (name, needed.filter(|other| other != name).collect())
        };
        self.modules.iter().map(of).collect()
    }

    /// Modules that need each other, by whatever way.
    fn rings(&self) -> Vec<BTreeSet<&Name>> {
        let needs = self.needs();
        let reach: BTreeMap<&Name, BTreeSet<&Name>> = needs
            .keys()
            .map(|start| {
                let (mut reached, mut waiting) = (BTreeSet::new(), vec![*start]);
                while let Some(at) = waiting.pop() {
                    waiting.extend(needs[at].iter().filter_map(|next| {
                        let (next, _) = needs.get_key_value(next)?;
                        reached.insert(*next).then_some(*next)
                    }));
                }
                (*start, reached)
            })
            .collect();
        let ring = |one: &&Name| -> BTreeSet<&Name> {
            reach[one].iter().filter(|other| reach[**other].contains(*one)).copied().collect()
        };
        let rings: BTreeSet<_> = reach.keys().map(ring).filter(|ring| ring.len() > 1).collect();
        rings.into_iter().collect()
    }
}

/// A file while it is read.
#[derive(Default)]
struct Reading {
    at: Name,
    module: Module,
    declared: Vec<(String, Option<String>)>,
}

impl Reading {
    // From the crate's root, if the path is within the crate.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let [first, rest @ ..] = path else { return None };
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => self.absolute(rest).or_else(|| Some([self.at.as_slice(), rest].concat())),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let up = self.at.get(..self.at.len().checked_sub(ups)?)?;
                Some([up, &path[ups..]].concat())
            }
            _ if self.declared.iter().any(|(child, _)| child == first) => {
                Some([self.at.as_slice(), path].concat())
            }
            _ => {
                let alias = self.module.aliases.get(first)?;
                Some([alias.as_slice(), rest].concat())
            }
        }
    }

    fn import(&mut self, tree: &UseTree, before: &Name, passes_on: bool) {
        let with = |name: &syn::Ident| [before.as_slice(), &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &with(&path.ident), passes_on),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before, passes_on)),
            UseTree::Name(name) if name.ident == "self" => {
                self.alias(before.last().cloned().unwrap_or_default(), before, passes_on);
            }
            UseTree::Name(name) => self.alias(name.ident.to_string(), &with(&name.ident), passes_on),
            UseTree::Rename(name) => self.alias(name.rename.to_string(), &with(&name.ident), passes_on),
            UseTree::Glob(_) => {
                if let Some(path) = self.absolute(before) {
                    self.module.globs.push(path);
                }
            }
        }
    }

    fn alias(&mut self, name: String, path: &Name, passes_on: bool) {
        let Some(path) = self.absolute(path) else { return };
        if !passes_on {
            self.module.named.insert(path.clone());
        }
        self.module.aliases.insert(name, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Meta>().is_ok_and(|meta| match meta {
                syn::Meta::Path(path) => path.is_ident("test"),
                syn::Meta::List(list) => {
                    list.path.is_ident("any")
                        || list.path.is_ident("all") && list.tokens.to_string().contains("test")
                }
                syn::Meta::NameValue(_) => false,
            })
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Const(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        _ => &[],
    }
}

impl<'a> Visit<'a> for Reading {
    fn visit_file(&mut self, file: &'a syn::File) {
        let items = || file.items.iter().filter(|item| !is_for_tests(attributes(item)));
        for item in items() {
            if let Item::Mod(inner) = item
                && inner.content.is_none()
            {
                let path = inner.attrs.iter().find_map(|attribute| match &attribute.meta {
                    syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                        _ => None,
                    },
                    _ => None,
                });
                self.declared.push((inner.ident.to_string(), path));
            }
        }
        // Names are known before paths that begin with them are met.
        for item in items() {
            if let Item::Use(import) = item {
                self.import(&import.tree, &Vec::new(), !matches!(import.vis, Visibility::Inherited));
            }
        }
        items().for_each(|item| self.visit_item(item));
    }

    fn visit_item(&mut self, item: &'a Item) {
        if !is_for_tests(attributes(item)) && !matches!(item, Item::Use(_)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.module.named.insert(path);
        }
        visit::visit_path(self, path);
    }
}

#[test]
fn no_crate_has_a_ring_of_modules() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut told = Vec::new();
    for entry in fs::read_dir(&crates).unwrap() {
        let source = entry.unwrap().path().join("src");
        if !source.exists() {
            continue;
        }
        let found = Crate::read(&source);
        let needs = found.needs();
        for ring in found.rings() {
            let mut lines = format!("{}: {} modules need each other\n", source.display(), ring.len());
            for module in &ring {
                let others: Vec<_> = needs[*module]
                    .iter()
                    .filter(|other| ring.contains(other))
                    .map(|other| other.join("::"))
                    .collect();
                lines += &format!("  {} needs {}\n", module.join("::"), others.join(", "));
            }
            told.push(lines);
        }
    }
    assert!(told.is_empty(), "{}", told.concat());
}
