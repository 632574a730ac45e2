using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Images;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The values that a model gives to fields which the caller leaves out.</summary>
public static class DefaultFields
{
    /// <summary>Returns the errors in the defaults.</summary>
    /// <param name="modality">The model's modality. Fields of modalities with several operations are left to the upstream to check.</param>
    /// <param name="defaults">The default values by field.</param>
    public static IReadOnlyList<ErrorDetail> Check(string modality, JsonObject defaults)
    {
        var mistakes = new Mistakes();
        foreach (var (name, _) in defaults.Where(field => modality == "audio" && !TranscriptionRequest.CanBeNamed(field.Key)))
        {
            mistakes.Add(new ErrorDetail(name, "cannot be a field of the form that recordings are sent in: it is empty, or has quotes, backslashes or control characters."));
        }

        var rules = modality switch
        {
            "chat" => ChatFieldRules.Rules,
            "image" => ImageOperation.Rules,
            _ => null,
        };
        foreach (var (name, value) in rules is null ? [] : defaults)
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(value?.ToJsonString() ?? "null"));
            reader.Read();
            FieldRule.Check(rules!, ref reader, name, mistakes);
        }

        return mistakes;
    }
}
