using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Where webhooks may lead. Tenants choose the URLs, so both doors are closed unless the operator opens them.</summary>
public sealed class WebhookOptions
{
    [Setting("SCAIGRID_WEBHOOK_ALLOW_HTTP", "Accept webhooks whose URL is http://: events then travel unencrypted.")]
    public bool AllowHttp { get; set; }

    [Setting("SCAIGRID_WEBHOOK_ALLOW_PRIVATE", "Deliver webhooks to loopback and private addresses; link-local and clouds' metadata addresses are never delivered to.")]
    public bool AllowPrivate { get; set; }
}
