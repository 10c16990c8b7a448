//! Finds numbers that JSON has not.

use std::fmt;

use serde::{Serialize, Serializer, ser};

/// Whether all numbers in a value that can be encoded are numbers in JSON.
pub(super) fn is_finite(value: &(impl Serialize + ?Sized)) -> bool {
    value.serialize(Finder).is_ok()
}

/// Walks a value, and stops at the first number that is none.
#[derive(Clone, Copy)]
struct Finder;

/// Nothing to find here.
macro_rules! passes {
    ($($method:ident($($given:ty),*))+) => {
        $(fn $method(self, $(_: $given),*) -> Result<(), fmt::Error> {
            Ok(())
        })+
    };
}

/// Something to walk through.
macro_rules! opens {
    ($($method:ident($($given:ty),*) $part:ident)+) => {
        $(type $part = Self;
        fn $method(self, $(_: $given),*) -> Result<Self, fmt::Error> {
            Ok(self)
        })+
    };
}

impl Serializer for Finder {
    type Ok = ();
    // The only error there is says: found.
    type Error = fmt::Error;

    fn serialize_f32(self, number: f32) -> Result<(), fmt::Error> {
        if number.is_finite() { Ok(()) } else { Err(fmt::Error) }
    }

    fn serialize_f64(self, number: f64) -> Result<(), fmt::Error> {
        if number.is_finite() { Ok(()) } else { Err(fmt::Error) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    passes! {
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_i128(i128) serialize_u128(u128)
        serialize_none() serialize_unit() serialize_unit_struct(&'static str)
        serialize_unit_variant(&'static str, u32, &'static str)
    }

    opens! {
        serialize_seq(Option<usize>) SerializeSeq
        serialize_tuple(usize) SerializeTuple
        serialize_tuple_struct(&'static str, usize) SerializeTupleStruct
        serialize_tuple_variant(&'static str, u32, &'static str, usize) SerializeTupleVariant
        serialize_map(Option<usize>) SerializeMap
        serialize_struct(&'static str, usize) SerializeStruct
        serialize_struct_variant(&'static str, u32, &'static str, usize) SerializeStructVariant
    }
}

/// A part of a value that has parts: each is walked through.
macro_rules! parts {
    ($($part:ident: $($method:ident($($name:ty)?))+;)+) => {
        $(impl ser::$part for Finder {
            type Ok = ();
            type Error = fmt::Error;

            $(fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $name,)?
                value: &T,
            ) -> Result<(), fmt::Error> {
                value.serialize(*self)
            })+

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        })+
    };
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeMap: serialize_key() serialize_value();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_number_that_is_none_is_found_wherever_it_stands() {
        #[derive(Serialize)]
        enum Shape {
            Tuple(f64, f32),
            Struct { inner: Option<Vec<f64>> },
        }
        let nan = f64::NAN;
        assert!(is_finite(&(1, 2.5, "NaN", [Some(3.0), None])));
        assert!(!is_finite(&nan));
        assert!(!is_finite(&f32::INFINITY));
        assert!(!is_finite(&(1, [1.0, nan])));
        assert!(!is_finite(&BTreeMap::from([("a", Some(f64::NEG_INFINITY))])));
        assert!(!is_finite(&Shape::Tuple(1.0, f32::NAN)));
        assert!(!is_finite(&Shape::Struct { inner: Some(vec![nan]) }));
        assert!(is_finite(&Shape::Struct { inner: None }));
    }
}
