using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Identity;

/// <summary>Describes the caller, from the snapshot, so that it works while the database is unavailable.</summary>
internal static class MeEndpoints
{
    private const string Reason = "Callers may always see who they are.";

    public static void MapMe(this IEndpointRouteBuilder group)
    {
        group.MapGet("/me", Get).RequireCaller(Reason)
            .WithName("GetMe").WithSummary("Who the caller is and what they may do.");
        group.MapGet("/auth/me", Get).RequireCaller(Reason)
            .WithName("GetAuthMe").WithSummary("The same as GET /v1/me.");
    }

    private static Ok<Envelope<MeView>> Get(Caller caller) => Reply.Ok(new MeView(
        new MeUser(caller.UserId, caller.Email, caller.DisplayName),
        new MeScope(caller.TenantId, caller.TenantSlug),
        new MeScope(caller.PartnerId, caller.PartnerSlug),
        [.. caller.Roles.Order(StringComparer.Ordinal)],
        [.. caller.Permissions.Order(StringComparer.Ordinal)]));
}

internal sealed record MeView(MeUser User, MeScope Tenant, MeScope Partner, IReadOnlyList<string> Roles, IReadOnlyList<string> Permissions);

internal sealed record MeUser(string Id, string Email, string DisplayName);

internal sealed record MeScope(string Id, string Slug);
