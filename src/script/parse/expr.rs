//! Expressions.

use super::{Parsed, Parser};
use crate::script::limits::{DEPTH_MAX, NAME_MAX};
use crate::script::suggest::nearest;
use crate::script::token::TokenKind;
use crate::script::{Cmp, Diagnostic, Expr, Op, Radix};

/// What an expression is known to come to before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Duration,
    Data,
    /// It depends on a variable.
    Open,
}

impl Expr {
    /// What it comes to, as far as that is known from the text.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Int(..) | Self::Quantity(_) => Kind::Number,
            Self::Duration(_) => Kind::Duration,
            Self::Text(_) | Self::Byte(_) => Kind::Data,
            Self::Var(_) => Kind::Open,
            Self::Paren(inner) => inner.kind(),
            Self::Binary(_, left, right) => match (left.kind(), right.kind()) {
                (Kind::Data, _) | (_, Kind::Data) => Kind::Data,
                (Kind::Open, _) | (_, Kind::Open) => Kind::Open,
                (Kind::Duration, _) | (_, Kind::Duration) => Kind::Duration,
                _ => Kind::Number,
            },
        }
    }
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.operation(1).map(|(e, _)| e)
    }

    /// An expression whose operators bind at least so tightly, with the depth of its tree.
    fn operation(&mut self, binds: u8) -> Parsed<(Expr, usize)> {
        let start = self.span().start;
        let (mut left, mut depth) = self.primary()?;
        while let Some(op) = self.operator().filter(|op| op.binds() >= binds) {
            self.bump();
            let (right, right_depth) = self.operation(op.binds() + 1)?;
            depth = self.bounded(depth.max(right_depth) + 1, start)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        Ok((left, depth))
    }

    fn bounded(&self, depth: usize, start: usize) -> Parsed<usize> {
        if depth <= DEPTH_MAX {
            return Ok(depth);
        }
        let message = format!("this expression is deeper than DEPTH_MAX, {DEPTH_MAX} operators and parentheses");
        Err(Diagnostic::error(self.span_from(start), message))
    }

    /// The operator here. Outside parentheses ` -5` starts the next argument, while ` - 5` and `-5` subtract.
    fn operator(&self) -> Option<Op> {
        let TokenKind::Mark(mark) = self.peek() else { return None };
        match *mark {
            "+" => Some(Op::Add),
            "-" if self.nesting > 0 || self.adjacent() || !self.next_adjacent() => Some(Op::Sub),
            "*" => Some(Op::Mul),
            "/" => Some(Op::Div),
            "%" => Some(Op::Rem),
            _ => None,
        }
    }

    /// An operand: a literal, variable, quantity or something in parentheses.
    pub(super) fn primary(&mut self) -> Parsed<(Expr, usize)> {
        let expr = match self.peek().clone() {
            TokenKind::Int(value, radix) => self.int(value, radix, false)?,
            TokenKind::Mark("-") => {
                let TokenKind::Int(value, radix) = *self.peek_next() else {
                    let help = "only a number can have a minus; write `0 - $x`";
                    return Err(Diagnostic::error(self.span(), "a number was expected after `-`").help(help));
                };
                self.bump();
                self.int(value, radix, true)?
            }
            TokenKind::Duration(ns) => Expr::Duration(ns),
            TokenKind::Text(bytes) => Expr::Text(bytes),
            TokenKind::Byte(byte) => Expr::Byte(byte),
            TokenKind::Variable(_) => return self.variable().map(|name| (Expr::Var(name), 1)),
            TokenKind::Name(_) => self.quantity()?,
            TokenKind::Mark("(") => {
                let start = self.span().start;
                self.bounded(self.nesting + 1, start)?;
                self.bump();
                let (inner, depth) = self.nested(|p| p.operation(1))?;
                if !self.at_mark(")") {
                    return Err(self.expected("`)`"));
                }
                self.bump();
                return Ok((Expr::Paren(Box::new(inner)), self.bounded(depth + 1, start)?));
            }
            TokenKind::Ipv4(_) | TokenKind::Ipv6(_) => {
                let span = self.span();
                let address = self.text[span.start..span.end].trim_matches(['[', ']']);
                let help = format!("an address without a port is text, and stands in quotes: \"{address}\"");
                return Err(self.expected("a value").help(help));
            }
            _ => return Err(self.expected("a value")),
        };
        self.bump();
        Ok((expr, 1))
    }

    /// Reads something between parentheses or brackets.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        let result = read(self);
        self.nesting -= 1;
        result
    }

    /// The value of a number, without going behind it.
    fn int(&self, value: u64, radix: Radix, negative: bool) -> Parsed<Expr> {
        let limit = i64::MAX as u64 + u64::from(negative);
        if radix == Radix::Decimal && value > limit {
            let help = "it goes from -2^63 to 2^63 - 1; in hexadecimal all 64 bits may be set";
            return Err(Diagnostic::error(self.span(), "this number is too large").help(help));
        }
        let value = value as i64;
        Ok(Expr::Int(if negative { value.wrapping_neg() } else { value }, radix))
    }

    /// `$x`, without `$`.
    pub(super) fn variable(&mut self) -> Parsed<String> {
        let TokenKind::Variable(name) = self.peek() else { return Err(self.expected("a variable: `$x`")) };
        if name.len() > NAME_MAX {
            let message = format!("this name is longer than NAME_MAX, {NAME_MAX} bytes");
            return Err(Diagnostic::error(self.span(), message));
        }
        let name = name.clone();
        self.bump();
        Ok(name)
    }

    fn quantity(&self) -> Parsed<Expr> {
        let TokenKind::Name(name) = self.peek() else { return Err(self.expected("a quantity")) };
        if self.registry.quantity(name).is_some() {
            return Ok(Expr::Quantity(name.clone()));
        }
        let names = self.registry.quantities.iter().map(|(n, _)| *n);
        let help = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("text stands in quotes: \"{name}\"; a variable has a dollar sign: ${name}"),
        };
        Err(Diagnostic::error(self.span(), format!("`{name}` is no value and no quantity of the machine")).help(help))
    }

    /// The comparison here, if there is one; `=` is understood and refused.
    pub(super) fn comparison(&mut self) -> Parsed<Option<Cmp>> {
        let TokenKind::Mark(mark) = self.peek() else { return Ok(None) };
        let cmp = match *mark {
            "==" => Cmp::Eq,
            "!=" => Cmp::Ne,
            "<" => Cmp::Lt,
            "<=" => Cmp::Le,
            ">" => Cmp::Gt,
            ">=" => Cmp::Ge,
            "=" => return Err(Diagnostic::error(self.span(), "`=` does not compare").help("write `==`")),
            "!" => return Err(Diagnostic::error(self.span(), "`!` does not compare").help("write `!=`")),
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(cmp))
    }
}
