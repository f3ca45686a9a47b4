//! What is wrong with a spec, in 中文. Pure.

use entrepot_library::SpecFault;

pub(super) fn chinese(fault: SpecFault) -> String {
    match fault {
        SpecFault::Name => "名称为 1 到 100 个可见字符".to_owned(),
        SpecFault::NoCards(field) => format!("没有卡的规格不能填写 `{field}`：请用 `vendor` 指明卡的厂商"),
        SpecFault::GpuCount => "带卡的规格有 1 到 16 张卡".to_owned(),
        SpecFault::GpuModel => "型号为 1 到 100 个可见字符，与卡自报的一致".to_owned(),
        SpecFault::PartsOfSeveral => "切分只针对一张卡：`memory_split` 打开时 `gpu_count` 应为 1".to_owned(),
        SpecFault::PartMemory => "切分的规格要写明 `gpu_memory_mib`，256 到 4194304".to_owned(),
        SpecFault::Whole(field) => format!("整卡规格不能填写 `{field}`：要切分请打开 `memory_split`"),
        SpecFault::CorePercent => "`core_percent` 为 1 到 100".to_owned(),
        SpecFault::CoresByTemplate => "昇腾由模板决定核心占比：请去掉 `core_percent`".to_owned(),
        SpecFault::TemplateMissing => "切分昇腾卡要写明 `vnpu_template`，例如 `vir05_1c_8g`".to_owned(),
        SpecFault::TemplateOfOthers => "只有昇腾有模板：请去掉 `vnpu_template`".to_owned(),
        SpecFault::Template => "模板名为 1 到 32 个小写字母、数字和 `_`".to_owned(),
        SpecFault::Cpu => "`cpu_milli` 为 10 到 4096000，即千分之一核".to_owned(),
        SpecFault::Memory => "`memory_mib` 为 6 到 67108864".to_owned(),
        SpecFault::Disk(field) => format!("`{field}` 为 1 到 1048576"),
        SpecFault::Shm => "`shm_mib` 为 1 到 `memory_mib`：它是内存的一部分".to_owned(),
        SpecFault::Price => "`price` 最大为 1000000000000".to_owned(),
        SpecFault::Start => "`start_seconds` 为 1 到 86400".to_owned(),
        SpecFault::Remark => "备注最多 1000 个字符".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The bounds are written out in both languages: they say the same.
    #[test]
    fn both_languages_name_the_same_numbers() {
        use SpecFault::*;
        let numbers = |text: &str| {
            let found = text.split(|letter: char| !letter.is_ascii_digit()).filter(|part| part.len() > 2);
            found.map(str::to_owned).collect::<Vec<_>>()
        };
        for fault in [
            Name,
            GpuModel,
            PartMemory,
            CorePercent,
            Cpu,
            Memory,
            Disk("data_disk_gib"),
            Price,
            Start,
            Remark,
        ] {
            assert_eq!(numbers(&fault.to_string()), numbers(&chinese(fault)), "{fault}");
        }
    }
}
