//! What an expression comes to.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::limits::DATA_MAX;
use super::{Expr, Op};

/// A value of the language. It prints as the language writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Data {
    /// A 64-bit integer.
    Int(i64),
    /// Bytes, at most [`DATA_MAX`].
    Bytes(Vec<u8>),
}

impl Display for Data {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(n) => n.fmt(f),
            Self::Bytes(bytes) => super::print::quote(f, bytes),
        }
    }
}

/// What an expression may refer to.
pub trait Env {
    /// The value of `$name`; `None` if it was never set.
    fn var(&self, name: &str) -> Option<Data>;
    /// The value of a quantity of the machine or a constant.
    fn quantity(&self, name: &str) -> Option<i64>;
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A variable that was never set.
    #[error("${0} was never set")]
    Unset(String),
    /// A name that is no quantity.
    #[error("unknown quantity `{0}`")]
    Unknown(String),
    /// Division or remainder by 0.
    #[error("division by zero")]
    Zero,
    /// A number where data is needed or the other way round, or an operator that its operands do not have.
    #[error("{0}")]
    Kind(String),
    /// Data repeated a negative number of times.
    #[error("data can't be repeated {0} times")]
    Negative(i64),
    /// More data than the limit.
    #[error("data larger than DATA_MAX, {DATA_MAX} bytes")]
    TooLarge,
}

impl Expr {
    /// Its value. Integers wrap; data times a number repeats it, data plus data joins them.
    pub fn eval(&self, env: &dyn Env) -> Result<Data, EvalError> {
        match self {
            Self::Int(n, _) | Self::Duration(n) => Ok(Data::Int(*n)),
            Self::Text(bytes) => Ok(Data::Bytes(bytes.clone())),
            Self::Byte(byte) => Ok(Data::Bytes(vec![*byte])),
            Self::Var(name) => env.var(name).ok_or_else(|| EvalError::Unset(name.clone())),
            Self::Quantity(name) => env.quantity(name).map(Data::Int).ok_or_else(|| EvalError::Unknown(name.clone())),
            Self::Paren(inner) => inner.eval(env),
            Self::Binary(op, left, right) => combine(*op, left.eval(env)?, right.eval(env)?),
        }
    }

    /// Its value, which must be an integer.
    pub fn eval_int(&self, env: &dyn Env) -> Result<i64, EvalError> {
        match self.eval(env)? {
            Data::Int(n) => Ok(n),
            Data::Bytes(_) => Err(EvalError::Kind(format!("`{self}` is data where a number is needed"))),
        }
    }

    /// Its value, which must be data.
    pub fn eval_bytes(&self, env: &dyn Env) -> Result<Vec<u8>, EvalError> {
        match self.eval(env)? {
            Data::Bytes(bytes) => Ok(bytes),
            Data::Int(_) => Err(EvalError::Kind(format!("`{self}` is a number where data is needed"))),
        }
    }
}

fn combine(op: Op, left: Data, right: Data) -> Result<Data, EvalError> {
    match (op, left, right) {
        (_, Data::Int(a), Data::Int(b)) => Ok(Data::Int(match op {
            Op::Add => a.wrapping_add(b),
            Op::Sub => a.wrapping_sub(b),
            Op::Mul => a.wrapping_mul(b),
            Op::Div | Op::Rem if b == 0 => return Err(EvalError::Zero),
            Op::Div => a.wrapping_div(b),
            Op::Rem => a.wrapping_rem(b),
        })),
        (Op::Mul, Data::Bytes(bytes), Data::Int(n)) | (Op::Mul, Data::Int(n), Data::Bytes(bytes)) => {
            if n < 0 {
                return Err(EvalError::Negative(n));
            }
            let times = usize::try_from(n).unwrap_or(usize::MAX);
            bounded(bytes.len().checked_mul(times))?;
            Ok(Data::Bytes(bytes.repeat(times)))
        }
        (Op::Add, Data::Bytes(mut a), Data::Bytes(b)) => {
            bounded(a.len().checked_add(b.len()))?;
            a.extend(b);
            Ok(Data::Bytes(a))
        }
        (op, Data::Bytes(_), _) | (op, _, Data::Bytes(_)) => Err(EvalError::Kind(format!(
            "`{op}` does not work on data: it can be repeated, `\"ab\" * 3`, and joined, `\"ab\" + \"c\"`"
        ))),
    }
}

fn bounded(size: Option<usize>) -> Result<(), EvalError> {
    size.filter(|size| *size <= DATA_MAX).map(|_| ()).ok_or(EvalError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse::parse_expr;
    use crate::script::testing::registry;

    struct Vars;

    impl Env for Vars {
        fn var(&self, name: &str) -> Option<Data> {
            match name {
                "n" => Some(Data::Int(7)),
                "buf" => Some(Data::Bytes(b"ab".to_vec())),
                _ => None,
            }
        }

        fn quantity(&self, name: &str) -> Option<i64> {
            registry().quantity(name)
        }
    }

    fn eval(text: &str) -> Result<Data, EvalError> {
        parse_expr(text, &registry()).unwrap().eval(&Vars)
    }

    #[test]
    fn computes_numbers_and_data() {
        let cases = [
            ("1 + 2 * 3", Data::Int(7)),
            ("(1 + 2) * 3", Data::Int(9)),
            ("10 - 3 - 2", Data::Int(5)),
            ("7 / 2 * 2 + 7 % 2", Data::Int(7)),
            ("16 * pagesize", Data::Int(65536)),
            ("PIPE_BUF-1", Data::Int(4095)),
            ("$n * -1", Data::Int(-7)),
            ("2s + 5ms", Data::Int(2_005_000_000)),
            ("0x7fffffffffffffff + 1", Data::Int(i64::MIN)),
            ("-9223372036854775808 / -1", Data::Int(i64::MIN)),
            ("'x' * 3", Data::Bytes(b"xxx".to_vec())),
            ("2 * $buf", Data::Bytes(b"abab".to_vec())),
            ("\"a\" + 'b' * 2", Data::Bytes(b"abb".to_vec())),
            ("'x' * 0", Data::Bytes(vec![])),
        ];
        for (text, value) in cases {
            assert_eq!(eval(text), Ok(value), "{text}");
        }
        assert_eq!(eval("'x' * 16777216").map(|d| matches!(d, Data::Bytes(b) if b.len() == DATA_MAX)), Ok(true));
    }

    #[test]
    fn refuses_what_has_no_value() {
        let cases = [
            ("$x", EvalError::Unset("x".to_owned())),
            ("1 / 0", EvalError::Zero),
            ("1 % ($n - 7)", EvalError::Zero),
            ("'x' * 16777217", EvalError::TooLarge),
            ("'x' * 9223372036854775807", EvalError::TooLarge),
            ("'x' * 16777216 + 'x'", EvalError::TooLarge),
            ("$buf * -1", EvalError::Negative(-1)),
        ];
        for (text, error) in cases {
            assert_eq!(eval(text), Err(error), "{text}");
        }
        assert!(matches!(eval("$buf - 1"), Err(EvalError::Kind(_))));
        assert!(matches!(eval("$buf + 1"), Err(EvalError::Kind(_))));
    }
}
