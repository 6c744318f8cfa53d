//! The form of what the API answers.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::desk::{Answer, Refused};
use crate::config::{Place, Problem, Severity};

/// Something was done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// What, in a sentence.
    pub done: String,
}

/// Something was not done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotDone {
    /// Why, and what to do, in a sentence.
    pub error: String,
    /// The field of the request that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What would be wrong with a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemStatus>,
}

/// What is wrong with a file. There is nothing secret in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemStatus {
    /// Whether something is held back by it, or it is a warning.
    pub is_mistake: bool,
    /// The file, flag or variable.
    pub place: String,
    /// The line, from one.
    pub line: Option<usize>,
    /// The column, in characters from one.
    pub column: Option<usize>,
    /// The field, dotted.
    pub field: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The line that is wrong, with what may be secret replaced by `…`.
    pub excerpt: Option<String>,
    /// What to do.
    pub hint: String,
}

impl From<&Problem> for ProblemStatus {
    fn from(problem: &Problem) -> Self {
        let (line, column) = match problem.place {
            Place::Line { line, column, .. } => (Some(line), Some(column)),
            _ => (None, None),
        };
        let place = problem.place.file().map(|file| file.display().to_string());
        Self {
            is_mistake: problem.severity == Severity::Mistake,
            place: place.unwrap_or_else(|| problem.place.to_string()),
            line,
            column,
            field: problem.field.clone(),
            message: problem.message.clone(),
            excerpt: problem.excerpt.as_ref().map(|excerpt| excerpt.text.clone()),
            hint: problem.hint.clone(),
        }
    }
}

/// A refusal with its sentence.
pub fn refusal(status: StatusCode, error: impl Into<String>) -> (StatusCode, Json<NotDone>) {
    (status, Json(NotDone { error: error.into(), field: None, problems: Vec::new() }))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) | Self::Taken(_) => StatusCode::CONFLICT,
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Wrong(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Gone => StatusCode::SERVICE_UNAVAILABLE,
        };
        let error = self.to_string();
        let field = match self {
            Self::Taken(_) => Some("name".to_owned()),
            Self::Invalid { field, .. } => Some(field.to_owned()),
            _ => None,
        };
        let problems = match &self {
            Self::Wrong(problems) => problems.iter().map(ProblemStatus::from).collect(),
            _ => Vec::new(),
        };
        (status, Json(NotDone { error, field, problems })).into_response()
    }
}

/// The answer to a request that was done or refused.
pub fn of(answer: Answer) -> Result<Json<Done>, Refused> {
    answer.map(|done| Json(Done { done }))
}
