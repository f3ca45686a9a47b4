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
        cache::CacheFault,
        cause::Cause,
        copy::CopyOutcome,
        credential::{CredentialStep, CredentialVerdict},
        grant::{ExplanationReason, GrantOrigin},
        problem::ProblemCode,
        progress::Phase,
        pull_rule::{PullRuleKind, PullRuleReason},
        run::{RunOutcome, RunReply},
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
        agree(CacheFault::ALL, CacheFault::as_str);
        agree(Cause::ALL, Cause::as_str);
        agree(CopyOutcome::ALL, CopyOutcome::as_str);
        agree(CredentialStep::ALL, CredentialStep::as_str);
        agree(CredentialVerdict::ALL, CredentialVerdict::as_str);
        agree(ExplanationReason::ALL, ExplanationReason::as_str);
        agree(GrantOrigin::ALL, GrantOrigin::as_str);
        agree(Phase::ALL, Phase::as_str);
        agree(PullRuleKind::ALL, PullRuleKind::as_str);
        agree(PullRuleReason::ALL, PullRuleReason::as_str);
        agree(RunOutcome::ALL, RunOutcome::as_str);
        agree(RunReply::ALL, RunReply::as_str);
        agree(ProblemCode::ALL, ProblemCode::as_str);
    }
}
