namespace ScaiGrid.ServiceDefaults;

/// <summary>Tags of health checks.</summary>
public static class HealthTags
{
    /// <summary>The check is part of /health/ready, under its own name.</summary>
    public const string Ready = "ready";

    /// <summary>The check passes while the process is ready and not draining; for protocols with a single status, such as gRPC's.</summary>
    public const string Serving = "serving";
}
