using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Exports all rows of a query, newest first, page by page: the memory needed does not depend on their number. (With a retrying execution
/// strategy, EF would buffer the result of a single query.)
/// </summary>
internal sealed class AuditExport(IQueryable<AuditRow> rows, string format) : IResult
{
    private const int Page = 500;

    private static readonly string[] Columns =
    [
        "id", "timestamp", "action", "actor_id", "actor_email", "actor_type", "tenant_id", "partner_id", "resource_type", "resource_id", "ip_address",
        "user_agent", "status", "request_id", "changes", "sequence", "previous_hash", "hash",
    ];

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, cancellationToken) = (httpContext.Response, httpContext.RequestAborted);
        var json = httpContext.RequestServices.GetRequiredService<IOptions<Microsoft.AspNetCore.Http.Json.JsonOptions>>().Value.SerializerOptions;
        var page = await PageAfterAsync(null, cancellationToken);

        // The first page is read before the response starts: a later failure can only break it off.
        response.ContentType = format switch
        {
            "csv" => "text/csv; charset=utf-8",
            "ndjson" => "application/x-ndjson",
            _ => "application/json; charset=utf-8",
        };
        response.Headers.ContentDisposition = $"attachment; filename=audit-log.{format}";
        response.Headers.CacheControl = "no-store";
        var writer = response.BodyWriter;
        Write(writer, format switch
        {
            "csv" => Csv.Line(Columns),
            "ndjson" => "",
            _ => "[",
        });
        for (var isFirst = true; page.Count > 0; isFirst = false)
        {
            for (var i = 0; i < page.Count; i++)
            {
                WriteRow(writer, page[i], isFirst && i == 0, json);
            }

            await writer.FlushAsync(cancellationToken);
            page = page.Count < Page ? [] : await PageAfterAsync(page[^1].Id, cancellationToken);
        }

        Write(writer, format == "json" ? "]" : "");
        await writer.FlushAsync(cancellationToken);
    }

    private Task<List<AuditRow>> PageAfterAsync(string? after, CancellationToken cancellationToken) => rows
        .Where(row => after == null || string.Compare(row.Id, after) < 0)
        .OrderByDescending(row => row.Id)
        .Take(Page)
        .ToListAsync(cancellationToken);

    private void WriteRow(PipeWriter writer, AuditRow row, bool isFirst, JsonSerializerOptions json)
    {
        if (format == "csv")
        {
            Write(writer, Csv.Line(Cells(row)));
            return;
        }

        Write(writer, format == "json" && !isFirst ? ",\n" : "");
        using (var document = new Utf8JsonWriter(writer, new JsonWriterOptions { Encoder = json.Encoder }))
        {
            JsonSerializer.Serialize(document, AuditView.Of(row), json);
        }

        Write(writer, format == "ndjson" ? "\n" : "");
    }

    private static string[] Cells(AuditRow row) =>
    [
        row.Id, WireTime.Format(row.CreatedAt), row.Action, row.ActorId, row.ActorEmail, row.ActorType,
        row.TenantId, row.PartnerId, row.ResourceType, row.ResourceId, row.IpAddress, row.UserAgent, row.Status, row.RequestId, row.Changes,
        row.Sequence.ToString(CultureInfo.InvariantCulture), row.PreviousHash, row.Hash,
    ];

    private static void Write(PipeWriter writer, string text) => Encoding.UTF8.GetBytes(text, writer);
}
