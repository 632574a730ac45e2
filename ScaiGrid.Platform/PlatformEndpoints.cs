using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Batch;
using ScaiGrid.Platform.Budgets;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Health;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Jobs;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.RateLimits;
using ScaiGrid.Platform.Rooms;
using ScaiGrid.Platform.Sessions;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform;

/// <summary>The platform's own endpoints, by feature.</summary>
public static class PlatformEndpoints
{
    /// <summary>More than any document of the control plane needs.</summary>
    private const int MaxBodyBytes = 1024 * 1024;

    public static void MapPlatform(this IEndpointRouteBuilder endpoints)
    {
        var uploads = endpoints.ServiceProvider.GetRequiredService<UploadOptions>();
        var group = endpoints.MapGroup("/v1").WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes)).AddEndpointFilter(AnswerDatabaseFaults);
        Tagged("Identity").MapAuth();
        Tagged("Identity").MapScaiKeyWebhooks();
        Tagged("Identity").MapMe();
        Tagged("Identity").MapApiKeys();
        Tagged("Identity").MapUsers();
        Tagged("Identity").MapGroups();
        Tagged("Identity").MapRoleMappings();
        Tagged("Identity").MapCustomRoles();
        Tagged("Tenancy").MapPartners();
        Tagged("Tenancy").MapTenants();
        Tagged("Models").MapProviders();
        Tagged("Models").MapBackends();
        Tagged("Models").MapModels();
        Tagged("Models").MapModelAccess();
        Tagged("Models").MapModelGroups();
        Tagged("Accounting").MapUsage();
        Tagged("Webhooks").MapWebhooks();
        Tagged("Files").MapFiles(uploads);
        Tagged("Batches").MapBatches();
        Tagged("Sessions").MapSessions();
        Tagged("Rooms").MapRooms();
        Tagged("Administration").MapJobs();
        Tagged("Audit").MapAudit();
        Tagged("Accounting").MapBudgets();
        Tagged("Accounting").MapRateLimits();

        endpoints.MapGroup("/oai/v1").WithTags("OpenAI").MapOpenAiModels();
        var openAi = endpoints.MapGroup("/oai/v1").WithTags("OpenAI").AddEndpointFilter(AnswerDatabaseFaults);
        openAi.MapOpenAiFiles(uploads);
        openAi.MapOpenAiBatches();
        endpoints.MapGroup("").WithTags("Health").MapHealthDetails();

        RouteGroupBuilder Tagged(string tag) => group.MapGroup("").WithTags(tag);
    }

    private static async ValueTask<object?> AnswerDatabaseFaults(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (Exception exception) when (DatabaseAway.IsUnanswered(exception))
        {
            if (context.HttpContext.Features.Get<AuditCall>() is { } call)
            {
                call.IsDatabaseAway = DatabaseAway.Is(exception);
            }

            return new ProblemResult(DatabaseAway.Problem);
        }
        catch (DbUpdateConcurrencyException)
        {
            return new ProblemResult(new Problem(CoreErrors.Conflict, "It was changed or deleted by somebody else meanwhile; look at it and try again."));
        }
    }
}
