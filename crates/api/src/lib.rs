//! The types of the JSON API below `/api/v1`, with their schema. The server writes them, clients read them.
//!
//! - syncs: [`RuleList`], [`RunList`], [`RunDetail`], [`CopyList`], [`RunRequest`]; as they happen: [`Event`]
//! - what may be pulled: [`PullRules`], [`PullRuleDecision`]; how much: [`LimitList`], [`ClientLimits`], [`BanList`];
//!   what people ask for: [`ImageRequestList`], [`ImageRequestLook`]; what is always here: [`KeepLists`]
//! - the ways to other registries: [`LinkList`]
//! - what the mirror holds: [`CacheTotals`], [`CacheRepositoryList`], [`CacheImageList`], [`CacheRemoval`],
//!   [`CacheVerification`]; what stays and goes: [`CachePinList`], [`CacheEviction`], [`CacheScrub`]
//! - accounts: [`Me`], [`AccountList`], [`ApiTokenList`], [`SessionList`], [`AuditList`]; rights: [`GrantList`],
//!   [`AccessExplanation`]
//! - secrets: [`CredentialList`], [`CredentialVerification`], [`SecretsStatus`]
//! - the image library: [`EntryList`], [`NodeList`], [`SpecList`], [`PullList`], [`InstanceList`], [`FreeSpecs`], [`Quota`],
//!   [`DataVolumeList`]; programs in instances: [`ExecMessage`], [`ExecReport`]
//! - query strings: [`RunListQuery`] and its siblings; refusals: [`Problem`]
//!
//! Nothing is decided here. Enums have the names that they have on the wire.

#![forbid(unsafe_code)]

mod account;
mod budget;
mod cache;
mod cause;
mod copy;
mod credential;
mod device;
mod entry;
mod event;
mod eviction;
mod exec;
mod grant;
mod image_request;
mod instance;
mod keep;
mod limit;
mod link;
mod mode;
mod node;
mod problem;
mod progress;
mod prune;
mod pull;
mod pull_rule;
mod query;
mod rule;
mod run;
mod run_id;
mod said;
mod session;
mod spec;
mod status;
mod timestamp;
mod webhook;
mod words;

pub use account::{
    Account, AccountChange, AccountKind, AccountList, AccountListQuery, ApiToken, ApiTokenList,
    ApiTokenListQuery, ApiTokenSecret, AuditEntry, AuditList, AuditOutcome, AuditQuery, IssuedToken, Me,
    NewAccount, NewApiToken, NewSshKey, PageQuery, Role, SenderKind, SshKey,
};
pub use budget::{AccountBudget, Budget, BudgetState, UpstreamBudget};
pub use cache::{
    CacheFault, CacheFinding, CacheImage, CacheImageList, CacheRemoval, CacheRepository, CacheRepositoryList,
    CacheTotals, CacheVerification,
};
pub use cause::Cause;
pub use copy::{CopyCounts, CopyList, CopyOutcome, CopyStatus, RunCopy};
pub use credential::{
    Credential, CredentialChange, CredentialList, CredentialQuery, CredentialStep, CredentialVerdict,
    CredentialVerification, NewCredential, PullQuota, SecretKey, SecretsStatus, StoredCredential,
};
pub use device::{DeviceLogin, DeviceLoginState, DevicePoll, NewDeviceLogin};
pub use entry::{
    Accelerator, Entry, EntryAdvice, EntryChange, EntryCheck, EntryCheckQuery, EntryExportQuery, EntryForm,
    EntryImport, EntryImportQuery, EntryList, EntryListQuery, EntryPlatform, EntryStatus, ImageContents,
    NewEntry, SplitCheck,
};
pub use event::{Event, Running, SettledCopies};
pub use eviction::{
    CacheEviction, CacheEvictionPlan, CacheEvictionProgress, CacheEvictionQuery, CacheEvictionReason,
    CacheEvictionReport, CacheEvictionTrigger, CachePin, CachePinList, CachePinQuery, CachePinSource,
    CachePlannedImage, CacheSaving, CacheSavings, CacheScrub, CacheScrubFinding, CacheScrubOutcome,
    CacheScrubProgress, CacheScrubQuery, CacheScrubReport, CacheUnpinned, CacheWorkEnd, NewCachePin,
};
pub use exec::{EXEC_PROTOCOL, ExecMessage, ExecReport, ExecStart, ExecStream, ExecTerminal};
pub use grant::{
    AccessExplanation, ExplanationQuery, ExplanationReason, Grant, GrantList, GrantListQuery, GrantOrigin,
    NewGrant,
};
pub use image_request::{
    ImageRequest, ImageRequestError, ImageRequestFault, ImageRequestList, ImageRequestListQuery,
    ImageRequestLook, ImageRequestStatus, NewImageRequest,
};
pub use instance::{
    CommittedImage, DataVolume, DataVolumeList, FreeQuery, FreeSpec, FreeSpecs, Instance, InstanceCard,
    InstanceChange, InstanceCommit, InstanceDesired, InstanceEntry, InstanceKeeps, InstanceList,
    InstanceListQuery, InstanceLogQuery, InstancePart, InstancePhase, InstancePort, InstanceReason,
    InstanceReimage, InstanceRemovalQuery, InstanceRun, InstanceRunList, InstanceSaving, InstanceSpec,
    InstanceSplit, InstanceStart, InstanceUsage, InstanceVolumes, NewInstance, Quota, QuotaLimits,
    SavingPhase,
};
pub use keep::{
    KeepCounts, KeepImage, KeepImageList, KeepImageListQuery, KeepList, KeepLists, KeepOutcome, KeepProgress,
    KeepRun, KeepState,
};
pub use limit::{
    Ban, BanList, ClientLimits, Limit, LimitExplanation, LimitList, LimitRefusal, LimitState, LimitUnit,
    NewBan,
};
pub use link::{Link, LinkFailure, LinkList, LinkReason, LinkRest, LinkState};
pub use mode::{Mode, ModeCause, ModeCondition, ModeMeasure, ModeOrder, ModeState, NewModeOrder};
pub use node::{
    AscendCards, Device, DeviceState, DeviceVendor, NewNode, Node, NodeChange, NodeCondition,
    NodeConditionCode, NodeFacts, NodeList, NodeListQuery, NodeOffer, NodeStatus, NodeTls, PullVia,
};
pub use problem::{FieldProblem, Problem, ProblemCode};
pub use progress::{ImageProgress, Phase, Progress};
pub use prune::{
    Prune, PruneDecision, PruneDetail, PruneList, PruneListQuery, PruneOutcome, PruneQuery, PruneStatus,
    PruneTag,
};
pub use pull::{
    LayerPhase, NewPull, Pull, PullError, PullFault, PullLayer, PullList, PullListQuery, PullStatus,
};
pub use pull_rule::{
    Denial, DenialList, DenialQuery, DenialResult, NewDenial, PullRuleDecision, PullRuleKind, PullRuleList,
    PullRuleQuery, PullRuleReason, PullRules, Puller, PullerList, PullerQuery,
};
pub use query::{
    CopyListQuery, ImageListQuery, ImageQuery, RepositoryListQuery, RunListQuery, RunQuery, VerificationQuery,
};
pub use rule::{RefusedConfig, Rule, RuleList, Source};
pub use run::{Run, RunAnswer, RunDetail, RunList, RunOutcome, RunReply, RunRequest};
pub use run_id::RunId;
pub use session::{EndedSessions, NewSession, Session, SessionEndQuery, SessionList, SessionListQuery};
pub use spec::{NewSpec, Spec, SpecChange, SpecList, SpecListQuery, SpecVendor};
pub use status::{LinkCount, ServiceStatus, UpstreamStanding, UpstreamStatus};
pub use timestamp::{Timestamp, TimestampError};
pub use webhook::{
    Webhook, WebhookDelivery, WebhookDeliveryList, WebhookDeliveryQuery, WebhookDeliveryStatus,
    WebhookFormat, WebhookLanguage, WebhookList, WebhookTest,
};
