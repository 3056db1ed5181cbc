//! Reading options off descriptors.

use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, ReflectMessage as _,
};

/// The least and greatest value of an integer type; none for other types.
pub fn integer_bounds(kind: &Kind) -> Option<(i128, i128)> {
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Some((i32::MIN.into(), i32::MAX.into())),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Some((i64::MIN.into(), i64::MAX.into())),
        Kind::Uint32 | Kind::Fixed32 => Some((0, u32::MAX.into())),
        Kind::Uint64 | Kind::Fixed64 => Some((0, u64::MAX.into())),
        Kind::Double
        | Kind::Float
        | Kind::Bool
        | Kind::String
        | Kind::Bytes
        | Kind::Message(_)
        | Kind::Enum(_) => None,
    }
}

pub fn extension(pool: &DescriptorPool, name: &str) -> ExtensionDescriptor {
    pool.get_extension_by_name(name)
        .unwrap_or_else(|| panic!("the option {name} is not in the descriptors"))
}

pub fn inner(options: &DynamicMessage, option: &ExtensionDescriptor) -> Option<DynamicMessage> {
    let value = options
        .has_extension(option)
        .then(|| options.get_extension(option))?;
    value.as_message().cloned()
}

pub fn text(options: &DynamicMessage, option: &ExtensionDescriptor) -> String {
    options
        .get_extension(option)
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub fn number(options: &DynamicMessage, option: &ExtensionDescriptor) -> u64 {
    options
        .get_extension(option)
        .as_u32()
        .unwrap_or_default()
        .into()
}

pub fn field_number(message: &DynamicMessage, name: &str) -> u64 {
    message
        .get_field_by_name(name)
        .and_then(|value| value.as_u32())
        .unwrap_or_default()
        .into()
}

pub fn signed(message: &DynamicMessage, name: &str) -> i64 {
    message
        .get_field_by_name(name)
        .and_then(|value| value.as_i64())
        .unwrap_or_default()
}

pub fn field_text(message: &DynamicMessage, name: &str) -> String {
    message
        .get_field_by_name(name)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub fn enum_name(message: &DynamicMessage, name: &str) -> Option<String> {
    let field = message.descriptor().get_field_by_name(name)?;
    let number = message.get_field(&field).as_enum_number()?;
    Some(field.kind().as_enum()?.get_value(number)?.name().to_owned())
}
