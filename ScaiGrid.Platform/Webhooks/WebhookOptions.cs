using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The URLs that webhooks may have. Tenants choose them, so both restrictions hold unless the operator lifts them.</summary>
public sealed class WebhookOptions
{
    [Setting("SCAIGRID_WEBHOOK_ALLOW_HTTP", "Accept webhooks whose URL is http://: events then travel unencrypted.")]
    public bool AllowHttp { get; set; }

    [Setting("SCAIGRID_WEBHOOK_ALLOW_PRIVATE", "Deliver webhooks to loopback and private addresses; link-local and clouds' metadata addresses are never delivered to.")]
    public bool AllowPrivate { get; set; }
}
