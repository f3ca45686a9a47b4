//! Parses YAML 1.2. Only this module uses the YAML parser.

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle, Tag, options};

use super::{Data, Style, SyntaxError, Tree, TreeNode, one_image};

/// Maximum nesting depth of collections: traversals are recursive.
const MAX_DEPTH: usize = 100;

/// Parses all documents of a text.
pub(crate) fn read(text: &str) -> Result<Tree<'_>, SyntaxError> {
    let options = options! { flow_nesting_limit: MAX_DEPTH, block_nesting_limit: MAX_DEPTH };
    let mut reader = YamlParser { parser: Parser::new_from_str_with_options(text, options), flow: 0 };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(Tree { documents }),
            (Event::DocumentStart(..), _) => documents.push(reader.node()?),
            _ => {}
        }
    }
}

struct YamlParser<'a> {
    parser: Parser<'a, StrInput<'a>>,
    flow: usize,
}

impl<'a> YamlParser<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                Err(SyntaxError { at: error.marker().byte_offset().unwrap_or(0), what: error.info() })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self) -> Result<TreeNode<'a>, SyntaxError> {
        let (event, span) = self.next()?;
        self.node_of(event, &span)
    }

    fn node_of(&mut self, event: Event<'a>, span: &Span) -> Result<TreeNode<'a>, SyntaxError> {
        let range = span.byte_range().unwrap_or(0..0);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let data = Data::Scalar { text, style: self.style(style) };
                Ok(TreeNode { span: range, anchor, tag: tag.as_deref().map(written), data })
            }
            Event::Alias(target) => {
                Ok(TreeNode { span: range, anchor: 0, tag: None, data: Data::Alias(target) })
            }
            Event::SequenceStart(style, anchor, tag) => {
                let tag = tag.as_deref().map(written);
                let data = self.within(style, Self::sequence)?;
                Ok(TreeNode { span: range, anchor, tag, data })
            }
            Event::MappingStart(style, anchor, tag) => {
                let tag = tag.as_deref().map(written);
                let data = self.within(style, |reader| reader.mapping(style == StructureStyle::Flow))?;
                Ok(TreeNode { span: range, anchor, tag, data })
            }
            // A comment, or an anchor's own event: neither was requested, and neither is a node.
            _ => self.node(),
        }
    }

    fn within(
        &mut self,
        style: StructureStyle,
        read: impl FnOnce(&mut Self) -> Result<Data<'a>, SyntaxError>,
    ) -> Result<Data<'a>, SyntaxError> {
        let flow = usize::from(style == StructureStyle::Flow);
        self.flow += flow;
        let data = read(self);
        self.flow -= flow;
        data
    }

    fn sequence(&mut self) -> Result<Data<'a>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Data::Sequence { items }),
                (event, span) => items.push(self.node_of(event, &span)?),
            }
        }
    }

    fn mapping(&mut self, flow: bool) -> Result<Data<'a>, SyntaxError> {
        let mut pairs = Vec::new();
        loop {
            match self.next()? {
                (Event::MappingEnd, _) => {
                    one_image(&pairs)?;
                    return Ok(Data::Mapping { pairs, flow });
                }
                (event, span) => {
                    let key = self.node_of(event, &span)?;
                    pairs.push((key, self.node()?));
                }
            }
        }
    }

    fn style(&self, style: ScalarStyle) -> Style {
        match style {
            ScalarStyle::Plain => Style::Plain { flow: self.flow > 0 },
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        }
    }
}

fn written(tag: &Tag) -> Box<str> {
    tag.original().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_those_of_the_tokens() {
        let text = "\u{feff}# c\r\na: &x nginx:1 # c\r\nb: [\"r:2\", 'p''q']\r\nc: |\r\n  z:1\r\n";
        let tree = read(text).unwrap();
        let Data::Mapping { pairs, .. } = &tree.documents[0].data else { panic!() };
        assert_eq!(&text[pairs[0].1.span.clone()], "nginx:1");
        let Data::Sequence { items } = &pairs[1].1.data else { panic!() };
        assert_eq!(&text[items[0].span.clone()], "\"r:2\"");
        assert_eq!(&text[items[1].span.clone()], "'p''q'");
        assert!(text[pairs[2].1.span.clone()].contains("z:1"));
    }

    #[test]
    fn faults_have_a_place() {
        let fault = read("a: b\nc: [1\nd: e\n").unwrap_err();
        assert!(fault.at > 4, "{fault:?}");
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
