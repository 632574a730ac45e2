namespace ScaiGrid.Inference.Providers;

/// <summary>An upstream's own address, where links in its answers may lead even if it is private.</summary>
/// <param name="Address">The address; its scheme, host and port count.</param>
/// <param name="Authority">The authority that verifies the upstream's certificate; null for the system's.</param>
internal sealed record UpstreamHome(Uri Address, TrustedAuthority? Authority)
{
    public bool Has(Uri link) => link.Scheme == Address.Scheme && link.Authority == Address.Authority;
}
