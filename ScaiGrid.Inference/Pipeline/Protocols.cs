namespace ScaiGrid.Inference.Pipeline;

/// <summary>The surfaces, as metrics and accounting name them.</summary>
public static class Protocols
{
    public const string Native = "native";
    public const string OpenAi = "openai";
    public const string Grpc = "grpc";
}
