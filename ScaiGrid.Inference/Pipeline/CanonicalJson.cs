using System.Text.Json.Serialization;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Source-generated JSON of scalars.</summary>
[JsonSerializable(typeof(string))]
internal sealed partial class CanonicalJson : JsonSerializerContext;
