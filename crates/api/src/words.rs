//! Enums that are a word on the wire.

/// Defines an enum that is written as a word, in JSON and to people alike.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::Value;
    use utoipa::PartialSchema;

    use crate::{
        account::{AccountKind, AuditOutcome, Role, SenderKind},
        budget::BudgetState,
        cache::CacheFault,
        cause::Cause,
        copy::CopyOutcome,
        credential::{CredentialStep, CredentialVerdict},
        entry::{Accelerator, EntryForm, EntryStatus, SplitCheck},
        eviction::{
            CacheEvictionReason, CacheEvictionTrigger, CachePinSource, CacheScrubOutcome, CacheWorkEnd,
        },
        grant::{ExplanationReason, GrantOrigin},
        image_request::{ImageRequestFault, ImageRequestStatus},
        instance::{
            InstanceDesired, InstancePart, InstancePhase, InstanceReason, InstanceSplit, InstanceVolumes,
            SavingPhase,
        },
        keep::{KeepOutcome, KeepState},
        limit::LimitUnit,
        link::{LinkReason, LinkState},
        mode::{Mode, ModeCause, ModeMeasure},
        node::{DeviceState, DeviceVendor, NodeConditionCode, NodeOffer, NodeStatus, PullVia},
        problem::ProblemCode,
        progress::Phase,
        prune::{PruneOutcome, PruneStatus},
        pull::{LayerPhase, PullFault, PullStatus},
        pull_rule::{PullRuleKind, PullRuleReason},
        run::{RunOutcome, RunReply},
        spec::SpecVendor,
        status::UpstreamStanding,
        webhook::{WebhookDeliveryStatus, WebhookFormat, WebhookLanguage},
    };

    fn agree<T: Copy + Serialize + PartialSchema>(all: &[T], word: fn(T) -> &'static str) {
        let words: Vec<Value> = all.iter().map(|one| Value::from(word(*one))).collect();
        let written: Vec<Value> = all.iter().map(|one| serde_json::to_value(one).unwrap()).collect();
        assert_eq!(written, words);
        assert_eq!(serde_json::to_value(T::schema()).unwrap()["enum"], Value::from(words));
    }

    #[test]
    fn what_is_shown_is_what_is_written_and_described() {
        agree(AccountKind::ALL, AccountKind::as_str);
        agree(AuditOutcome::ALL, AuditOutcome::as_str);
        agree(Role::ALL, Role::as_str);
        agree(SenderKind::ALL, SenderKind::as_str);
        agree(BudgetState::ALL, BudgetState::as_str);
        agree(Mode::ALL, Mode::as_str);
        agree(ModeCause::ALL, ModeCause::as_str);
        agree(ModeMeasure::ALL, ModeMeasure::as_str);
        agree(CacheFault::ALL, CacheFault::as_str);
        agree(CachePinSource::ALL, CachePinSource::as_str);
        agree(CacheEvictionReason::ALL, CacheEvictionReason::as_str);
        agree(CacheEvictionTrigger::ALL, CacheEvictionTrigger::as_str);
        agree(CacheWorkEnd::ALL, CacheWorkEnd::as_str);
        agree(CacheScrubOutcome::ALL, CacheScrubOutcome::as_str);
        agree(Accelerator::ALL, Accelerator::as_str);
        agree(EntryForm::ALL, EntryForm::as_str);
        agree(EntryStatus::ALL, EntryStatus::as_str);
        agree(SplitCheck::ALL, SplitCheck::as_str);
        agree(Cause::ALL, Cause::as_str);
        agree(CopyOutcome::ALL, CopyOutcome::as_str);
        agree(CredentialStep::ALL, CredentialStep::as_str);
        agree(CredentialVerdict::ALL, CredentialVerdict::as_str);
        agree(ExplanationReason::ALL, ExplanationReason::as_str);
        agree(GrantOrigin::ALL, GrantOrigin::as_str);
        agree(InstanceDesired::ALL, InstanceDesired::as_str);
        agree(InstancePart::ALL, InstancePart::as_str);
        agree(InstancePhase::ALL, InstancePhase::as_str);
        agree(InstanceReason::ALL, InstanceReason::as_str);
        agree(InstanceSplit::ALL, InstanceSplit::as_str);
        agree(InstanceVolumes::ALL, InstanceVolumes::as_str);
        agree(ImageRequestStatus::ALL, ImageRequestStatus::as_str);
        agree(ImageRequestFault::ALL, ImageRequestFault::as_str);
        agree(KeepState::ALL, KeepState::as_str);
        agree(KeepOutcome::ALL, KeepOutcome::as_str);
        agree(LimitUnit::ALL, LimitUnit::as_str);
        agree(LinkReason::ALL, LinkReason::as_str);
        agree(LinkState::ALL, LinkState::as_str);
        agree(Phase::ALL, Phase::as_str);
        agree(PullRuleKind::ALL, PullRuleKind::as_str);
        agree(PullRuleReason::ALL, PullRuleReason::as_str);
        agree(RunOutcome::ALL, RunOutcome::as_str);
        agree(RunReply::ALL, RunReply::as_str);
        agree(SavingPhase::ALL, SavingPhase::as_str);
        agree(UpstreamStanding::ALL, UpstreamStanding::as_str);
        agree(SpecVendor::ALL, SpecVendor::as_str);
        agree(DeviceState::ALL, DeviceState::as_str);
        agree(DeviceVendor::ALL, DeviceVendor::as_str);
        agree(NodeConditionCode::ALL, NodeConditionCode::as_str);
        agree(NodeOffer::ALL, NodeOffer::as_str);
        agree(NodeStatus::ALL, NodeStatus::as_str);
        agree(PullVia::ALL, PullVia::as_str);
        agree(LayerPhase::ALL, LayerPhase::as_str);
        agree(PullFault::ALL, PullFault::as_str);
        agree(PullStatus::ALL, PullStatus::as_str);
        agree(PruneOutcome::ALL, PruneOutcome::as_str);
        agree(PruneStatus::ALL, PruneStatus::as_str);
        agree(WebhookDeliveryStatus::ALL, WebhookDeliveryStatus::as_str);
        agree(WebhookFormat::ALL, WebhookFormat::as_str);
        agree(WebhookLanguage::ALL, WebhookLanguage::as_str);
        agree(ProblemCode::ALL, ProblemCode::as_str);
    }
}
