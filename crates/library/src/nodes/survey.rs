//! What a look at the cards of a machine shows: the report of `nvidia-smi -q`. Pure.

/// What the driver says of a machine's cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// The driver's version.
    pub(crate) driver: Option<String>,
    /// The version of CUDA that it knows.
    pub(crate) cuda: Option<String>,
    /// The cards, in its order.
    pub(crate) cards: Vec<SurveyedCard>,
}

/// A card, as the driver says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SurveyedCard {
    /// `GPU-…`.
    pub(crate) uuid: String,
    pub(crate) model: String,
    /// `None` where the card has no memory of its own.
    pub(crate) memory_mib: Option<u64>,
    pub(crate) used_mib: Option<u64>,
    /// Whether it is cut by NVIDIA's own means.
    pub(crate) is_mig: bool,
    /// Whether only one process may use it: then it cannot be shared.
    pub(crate) is_exclusive: bool,
}

/// Why a look at the cards shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SurveyFault {
    /// The driver was updated under what runs: nothing new starts until the machine is restarted.
    DriverUpdated,
    /// The driver does not answer.
    DriverGone,
    /// Anything else: this way of looking does not work here.
    Other,
}

impl Survey {
    /// Reads a report. What is in it twice, or makes no sense, is left out.
    pub(crate) fn read(report: &str) -> Self {
        let (mut survey, mut section) = (Self::default(), "");
        for line in report.lines() {
            let depth = line.len() - line.trim_start().len();
            let Some((key, value)) = line.split_once(" : ") else {
                let title = line.trim();
                if title.strip_prefix("GPU ").is_some_and(|bus| bus.contains(':')) && depth == 0 {
                    survey.cards.push(SurveyedCard::default());
                    section = "";
                } else if depth == 4 {
                    section = title;
                }
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            // Keys of the card itself end a section.
            section = if depth <= 4 { "" } else { section };
            match survey.cards.last_mut() {
                None => survey.header(key, value),
                Some(card) => card.take(section, key, value),
            }
        }
        survey.cards.retain(|card| card.uuid.starts_with("GPU-"));
        survey
    }

    fn header(&mut self, key: &str, value: &str) {
        match key {
            "Driver Version" => self.driver = Some(value.to_owned()),
            "CUDA Version" => self.cuda = Some(value.to_owned()),
            _ => {}
        }
    }
}

impl SurveyedCard {
    fn take(&mut self, section: &str, key: &str, value: &str) {
        match (section, key) {
            (_, "GPU UUID") => value.clone_into(&mut self.uuid),
            (_, "Product Name") if self.model.is_empty() => value.clone_into(&mut self.model),
            ("FB Memory Usage", "Total") => self.memory_mib = mib(value),
            ("FB Memory Usage", "Used") => self.used_mib = mib(value),
            ("MIG Mode", "Current") => self.is_mig = value == "Enabled",
            (_, "Compute Mode") => self.is_exclusive = value == "Exclusive_Process",
            _ => {}
        }
    }
}

fn mib(text: &str) -> Option<u64> {
    text.strip_suffix(" MiB")?.parse().ok().filter(|size| *size > 0 || text.starts_with('0'))
}

/// Says why a look showed nothing, by what the driver or the engine printed.
pub(crate) fn fault(printed: &str) -> SurveyFault {
    let text = printed.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["driver/library version mismatch"]) {
        SurveyFault::DriverUpdated
    } else if has(&[
        "couldn't communicate with the nvidia driver",
        "nvml: driver not loaded",
        "driver not loaded",
        "no devices were found",
        "load library failed: libnvidia-ml.so",
    ]) {
        SurveyFault::DriverGone
    } else {
        SurveyFault::Other
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A report as drivers write it, shortened.
    pub(crate) const REPORT: &str = "
==============NVSMI LOG==============

Timestamp                                 : Mon Nov 30 12:00:00 2026
Driver Version                            : 550.54.15
CUDA Version                              : 12.4

Attached GPUs                             : 3
GPU 00000000:3B:00.0
    Product Name                          : NVIDIA A100-SXM4-80GB
    Product Brand                         : NVIDIA
    MIG Mode
        Current                           : Disabled
        Pending                           : Disabled
    GPU UUID                              : GPU-aaaa
    FB Memory Usage
        Total                             : 81920 MiB
        Reserved                          : 620 MiB
        Used                              : 7 MiB
        Free                              : 81293 MiB
    BAR1 Memory Usage
        Total                             : 131072 MiB
        Used                              : 1 MiB
    Compute Mode                          : Default
GPU 00000000:AF:00.0
    Product Name                          : NVIDIA A100-SXM4-80GB
    MIG Mode
        Current                           : Enabled
    GPU UUID                              : GPU-bbbb
    FB Memory Usage
        Total                             : 81920 MiB
        Used                              : 40000 MiB
    Compute Mode                          : Exclusive_Process
GPU 00000000:D8:00.0
    Product Name                          : NVIDIA GB10
    GPU UUID                              : GPU-cccc
    FB Memory Usage
        Total                             : [N/A]
        Used                              : [N/A]
";

    // Row 16, L17, L28.
    #[test]
    fn a_report_is_read() {
        let survey = Survey::read(REPORT);
        assert_eq!((survey.driver.as_deref(), survey.cuda.as_deref()), (Some("550.54.15"), Some("12.4")));
        let card = |uuid: &str, memory_mib, used_mib| SurveyedCard {
            uuid: uuid.to_owned(),
            model: "NVIDIA A100-SXM4-80GB".to_owned(),
            memory_mib,
            used_mib,
            is_mig: false,
            is_exclusive: false,
        };
        let expected = [
            card("GPU-aaaa", Some(81_920), Some(7)),
            SurveyedCard { is_mig: true, is_exclusive: true, ..card("GPU-bbbb", Some(81_920), Some(40_000)) },
            SurveyedCard { model: "NVIDIA GB10".to_owned(), ..card("GPU-cccc", None, None) },
        ];
        assert_eq!(survey.cards, expected);
    }

    #[test]
    fn what_is_no_report_has_no_cards() {
        for text in
            ["", "bash: nvidia-smi: not found", "GPU 0000:0\n  GPU UUID : MIG-1", " : \n : : ", "GPU :\nx"]
        {
            assert_eq!(Survey::read(text).cards, [], "{text}");
        }
    }

    // Row 24.
    #[test]
    fn drivers_say_why_nothing_new_starts() {
        for (text, expected) in [
            (
                "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.1",
                SurveyFault::DriverUpdated,
            ),
            (
                "nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown",
                SurveyFault::DriverUpdated,
            ),
            (
                "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
                SurveyFault::DriverGone,
            ),
            (
                "nvidia-container-cli: initialization error: nvml error: driver not loaded",
                SurveyFault::DriverGone,
            ),
            ("No devices were found", SurveyFault::DriverGone),
            ("exec: \"nvidia-smi\": executable file not found in $PATH", SurveyFault::Other),
            ("", SurveyFault::Other),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }
}
