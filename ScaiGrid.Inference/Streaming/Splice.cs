namespace ScaiGrid.Inference.Streaming;

/// <summary>A part of a body and its replacement.</summary>
internal readonly record struct Splice(JsonSpan Replaced, byte[] Replacement);
