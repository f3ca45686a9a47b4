//! Turns a correct response and some actions into what is sent.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version, header};

use crate::{
    answer::{CorrectResponse, set},
    fault::{Action, BytePosition},
    gate::Gate,
    request::Call,
};

/// The largest piece handed to the connection at once.
pub(crate) const PIECE: usize = 64 * 1024;

/// What is sent: a head, and a body with events at some of its offsets.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Ordered by offset.
    pub(crate) events: VecDeque<(u64, BodyEvent)>,
    pub(crate) is_endless: bool,
    /// Bytes per second.
    pub(crate) rate: Option<u64>,
}

/// What happens when a body reaches an offset.
#[derive(Clone, Debug)]
pub(crate) enum BodyEvent {
    Gate(Gate),
    Stall,
    Cut,
    Reset,
}

/// The response that replaces the requested one.
pub(crate) fn replacement(actions: &[Action], call: &Call) -> Option<CorrectResponse> {
    actions.iter().find_map(|action| match action {
        Action::Status { status, headers, body } => {
            let answer = CorrectResponse {
                body: body.clone(),
                ..CorrectResponse::new(StatusCode::from_u16(*status).unwrap())
            };
            Some(headers.iter().fold(answer, |answer, (name, value)| answer.with(name, value)))
        }
        Action::Html => {
            let page = "<!doctype html><title>Log in</title><p>Please log in to this network.\n";
            Some(CorrectResponse::new(StatusCode::OK).body("text/html; charset=utf-8", page))
        }
        Action::Redirect { status, location } => {
            let answer = CorrectResponse::new(StatusCode::from_u16(*status).unwrap());
            Some(answer.with("location", location.replace("{path}", &call.path_and_query())))
        }
        _ => None,
    })
}

impl Script {
    pub(crate) fn new(answer: CorrectResponse, actions: &[Action]) -> Self {
        let mut script = Self {
            version: Version::HTTP_11,
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            events: VecDeque::new(),
            is_endless: false,
            rate: None,
        };
        if script.status != StatusCode::NO_CONTENT && !script.headers.contains_key(header::CONTENT_LENGTH) {
            script.promise(script.body.len() as u64);
        }
        actions.iter().for_each(|action| script.apply(action));
        script.keep_promise();
        script.events.make_contiguous().sort_by_key(|(at, _)| *at);
        script
    }

    fn promise(&mut self, length: u64) {
        set(&mut self.headers, header::CONTENT_LENGTH.as_str(), &length.to_string());
    }

    fn apply(&mut self, action: &Action) {
        match action {
            Action::GateAfter(at, gate) => self.event(*at, BodyEvent::Gate(gate.clone())),
            Action::StallAfter(at) => self.event(*at, BodyEvent::Stall),
            Action::CutAfter(at) => self.event(*at, BodyEvent::Cut),
            Action::ResetAfter(at) => self.event(*at, BodyEvent::Reset),
            Action::WrongBytes(place) => self.flip(*place),
            Action::NoLength => self.forget_length(),
            Action::UntilClose => {
                self.forget_length();
                self.version = Version::HTTP_10;
            }
            Action::WrongLength(by) => self.promise((self.body.len() as u64).saturating_add_signed(*by)),
            Action::Header(name, value) => set(&mut self.headers, name, value),
            Action::WithoutHeader(name) => drop(self.headers.remove(name.as_str())),
            Action::Endless => {
                self.forget_length();
                self.is_endless = !self.body.is_empty();
                // So that a short body takes no more steps than a long one.
                self.body = self.body.repeat(1 + PIECE / self.body.len().max(1)).into();
            }
            Action::Trickle(rate) => self.rate = Some(*rate),
            _ => {}
        }
    }

    /// Schedules an event, at the last byte at the latest: after that the client has everything.
    fn event(&mut self, at: u64, event: BodyEvent) {
        if let Some(last) = (self.body.len() as u64).checked_sub(1) {
            let at = if self.is_endless { at } else { at.min(last) };
            self.events.push_back((at, event));
        }
    }

    fn flip(&mut self, position: BytePosition) {
        let mut body = BytesMut::from(&self.body[..]);
        let byte = match position {
            BytePosition::Start => body.first_mut(),
            BytePosition::End => body.last_mut(),
        };
        if let Some(byte) = byte {
            *byte ^= 1;
        }
        self.body = body.freeze();
    }

    fn forget_length(&mut self) {
        self.headers.remove(header::CONTENT_LENGTH);
    }

    /// Applies a wrong length: a body shorter than announced breaks off, a longer one is truncated.
    fn keep_promise(&mut self) {
        let promised = self
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let real = self.body.len() as u64;
        match promised {
            Some(promised) if promised > real => self.events.push_back((real, BodyEvent::Cut)),
            Some(promised) => self.body.truncate(usize::try_from(promised).unwrap()),
            None => {}
        }
    }
}
