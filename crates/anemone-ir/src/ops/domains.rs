//! Sets of element types that many ops share.

use super::def::{Domain, domain};

#[allow(unused_imports)]
pub(super) use anemone_tensor::DataType::{
    Bool, F16, F32, I4, I8, I16, I32, U1, U2, U3, U4, U6, U8, U16, U32,
};

pub(super) const T_FLOAT: Domain = domain("T", &[F16, F32]);
pub(super) const T_NUMBER: Domain = domain("T", &[F16, F32, I32]);
pub(super) const T_BASIC: Domain = domain("T", &[F16, F32, I32, Bool]);
pub(super) const T_ANY: Domain = domain("T", &[F16, F32, I8, I16, I32, U8, U16, Bool]);
pub(super) const U_FLOAT: Domain = domain("U", &[F16, F32]);
pub(super) const U_INT: Domain = domain("U", &[I8, I16, I32]);
pub(super) const I_INDEX: Domain = domain("I", &[I32, U16, I16]);
