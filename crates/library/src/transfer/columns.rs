//! The names that columns may have, and what stands in their cells. Pure.

use super::row::{EntryRow, RowError, RowFault};
use crate::entries::{EntryChange, Field};

/// What a column is for; `None` for those that say what cannot be changed.
pub(super) fn column(name: &str) -> Option<Option<Field>> {
    let name = name.trim();
    let field = match name.to_lowercase().as_str() {
        "id" | "编号" => Field::Id,
        "name" | "名字" | "名称" => Field::Name,
        "address" | "地址" | "镜像地址" => Field::Address,
        "description" | "描述" => Field::Description,
        "source" | "来源" => Field::Source,
        "memory_split" | "supportmemorysplit" | "是否支持显存切分" | "支持显存切分" => {
            Field::MemorySplit
        }
        "on_shelf" | "isonshelf" | "islisted" | "是否上架" | "上架" => Field::OnShelf,
        "remark" | "备注" => Field::Remark,
        "created" | "changed" | "createdat" | "updatedat" | "创建时间" | "更新时间" | "日期" => {
            return Some(None);
        }
        _ => return None,
    };
    Some(Some(field))
}

impl EntryRow {
    pub(super) fn at(line: usize) -> Self {
        Self { line, id: String::new(), change: EntryChange::default() }
    }

    /// Takes a cell over. An empty one says nothing, except that a text is empty.
    pub(super) fn set(&mut self, field: Field, text: &str) -> Result<(), RowError> {
        let fault = |fault| RowError { line: self.line, field, fault };
        let text = text.to_owned();
        match field {
            Field::Id => self.id = text.trim().to_owned(),
            Field::Name => self.change.name = Some(text),
            Field::Address => self.change.address = Some(text),
            Field::Description => self.change.description = Some(text),
            Field::Source => self.change.source = Some(text),
            Field::Remark => self.change.remark = Some(text),
            Field::MemorySplit => self.change.memory_split = yes_no(&text).map_err(fault)?,
            Field::OnShelf => self.change.is_on_shelf = yes_no(&text).map_err(fault)?,
        }
        Ok(())
    }
}

fn yes_no(text: &str) -> Result<Option<bool>, RowFault> {
    match text.trim().to_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" | "是" => Ok(Some(true)),
        "false" | "no" | "0" | "否" => Ok(Some(false)),
        _ => Err(RowFault::YesNo),
    }
}
