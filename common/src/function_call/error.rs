//! Why a call of a function cannot be made as it stands.

use crate::{ErrorCode, PayloadError};

/// Why a call of a function cannot be made as it stands: a rule of bluesky's that it breaks.
/// Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionCallError {
    /// The request is no JSON object.
    #[error("a request is an object, not {found}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// The request has a parameter that is none.
    #[error("the request has the unsupported parameter {name:?}: it takes {}", SUPPORTED.join(", "))]
    UnsupportedParameter {
        /// Its name.
        name: String,
    },
    /// The request names no item.
    #[error("the required parameter 'item' is missing")]
    ItemMissing,
    /// The item is no JSON object.
    #[error("'item' is an object, not {found}")]
    ItemNotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// The item is none of a function: a plan, an instruction, or anything else.
    #[error("unsupported 'item_type' value {found}: a call takes \"function\"")]
    ItemType {
        /// Its type, as JSON.
        found: String,
    },
    /// The item names no function.
    #[error("the item names no function")]
    NameMissing,
    /// The positional arguments are no list.
    #[error("'args' is a list, not {found}")]
    ArgsNotAList {
        /// What they are.
        found: &'static str,
    },
    /// The named arguments are no map.
    #[error("'kwargs' is a map, not {found}")]
    KwargsNotAMap {
        /// What they are.
        found: &'static str,
    },
    /// Nobody is named as the user.
    #[error("the user name is not specified")]
    UserMissing,
    /// No group is named.
    #[error("the user group is not specified")]
    UserGroupMissing,
    /// A parameter is of another type than it has to be.
    #[error("'{name}' is {wanted}, not {found}")]
    WrongType {
        /// Which parameter.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An argument has no JSON form.
    #[error("an argument cannot be sent: {0}")]
    NotEncodable(#[from] PayloadError),
}

/// The parameters of a request.
pub(super) const SUPPORTED: [&str; 5] =
    ["item", "run_in_background", "user", "user_group", "lock_key"];

impl FunctionCallError {
    /// The row of the table of codes.
    pub const fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotEncodable(_) => ErrorCode::NotEncodable,
            _ => ErrorCode::FilterInvalid,
        }
    }

    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        self.error_code().as_str()
    }
}
