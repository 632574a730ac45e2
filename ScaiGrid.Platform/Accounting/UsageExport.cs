using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Streams usage rows, oldest first. Pages are read in the order of an index, so that neither memory nor the time per page grows with the
/// number of rows. Records still waiting in Redis are not included.
/// </summary>
internal sealed class UsageExport(IDbContextFactory<PlatformDb> databases, UsageFilter filter, string format) : IResult
{
    public const string Csv = "csv";
    public const string Json = "json";
    public const string Ndjson = "ndjson";

    private const int PageSize = 2000;

    private static readonly string[] Columns =
    [
        "id", "request_id", "created_at", "model", "backend_id", "user_id", "tenant_id", "api_key_id", "protocol", "status", "tokens_in", "tokens_out",
        "cached_tokens", "reasoning_tokens", "cost", "price_version", "estimated", "latency_ms", "time_to_first_token_ms",
    ];

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.ContentType = format switch
        {
            Csv => "text/csv; charset=utf-8",
            Json => "application/json",
            _ => "application/x-ndjson",
        };
        response.Headers.ContentDisposition = $"attachment; filename=usage.{format}";
        var body = response.BodyWriter;
        Write(body, format switch
        {
            Csv => Core.Http.Csv.Line(Columns),
            Json => "[",
            _ => "",
        });
        var isFirst = true;
        string? after = null;
        while (true)
        {
            var page = await PageAsync(after, httpContext.RequestAborted);
            foreach (var row in page)
            {
                WriteRow(body, row, isFirst);
                isFirst = false;
            }

            await body.FlushAsync(httpContext.RequestAborted);
            if (page.Count < PageSize)
            {
                break;
            }

            after = page[^1].Id;
        }

        Write(body, format == Json ? "]" : "");
        await body.FlushAsync(httpContext.RequestAborted);
    }

    private async Task<List<UsageRow>> PageAsync(string? after, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await filter.Apply(db.ByIndex<UsageRow>(filter.OrderIndex ?? "PRIMARY").AsNoTracking())
            .Between(filter.Start, filter.End)
            .Where(row => after == null || string.Compare(row.Id, after) > 0)
            .OrderBy(row => row.Id)
            .Take(PageSize)
            .ToListAsync(cancellationToken);
    }

    private void WriteRow(PipeWriter body, UsageRow row, bool isFirst)
    {
        if (format == Csv)
        {
            Write(body, Line(row));
            return;
        }

        if (format == Json && !isFirst)
        {
            Write(body, ",");
        }

        using (var writer = new Utf8JsonWriter(body))
        {
            WriteObject(writer, row);
        }

        Write(body, format == Ndjson ? "\n" : "");
    }

    private static void WriteObject(Utf8JsonWriter writer, UsageRow row)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, row.Id);
        writer.WriteString("request_id"u8, row.RequestId);
        writer.WriteString("created_at"u8, WireTime.Format(row.CreatedAt));
        writer.WriteString("model"u8, row.Model);
        writer.WriteString("backend_id"u8, row.BackendId);
        writer.WriteString("user_id"u8, row.UserId);
        writer.WriteString("tenant_id"u8, row.TenantId);
        writer.WriteString("api_key_id"u8, row.ApiKeyId);
        writer.WriteString("protocol"u8, row.Protocol);
        writer.WriteString("status"u8, row.Status);
        writer.WriteNumber("tokens_in"u8, row.TokensIn);
        writer.WriteNumber("tokens_out"u8, row.TokensOut);
        writer.WriteNumber("cached_tokens"u8, row.CachedTokens);
        writer.WriteNumber("reasoning_tokens"u8, row.ReasoningTokens);
        writer.WriteString("cost"u8, Money.Format(row.Cost));
        writer.WriteNumber("price_version"u8, row.PriceVersion);
        writer.WriteBoolean("estimated"u8, row.Estimated);
        writer.WriteNumber("latency_ms"u8, row.LatencyMs);
        if (row.TimeToFirstTokenMs is { } first)
        {
            writer.WriteNumber("time_to_first_token_ms"u8, first);
        }
        else
        {
            writer.WriteNull("time_to_first_token_ms"u8);
        }

        writer.WriteEndObject();
    }

    private static string Line(UsageRow row) => Core.Http.Csv.Line(
        row.Id,
        row.RequestId,
        WireTime.Format(row.CreatedAt),
        row.Model,
        row.BackendId,
        row.UserId,
        row.TenantId,
        row.ApiKeyId,
        row.Protocol,
        row.Status,
        Number(row.TokensIn),
        Number(row.TokensOut),
        Number(row.CachedTokens),
        Number(row.ReasoningTokens),
        Money.Format(row.Cost),
        Number(row.PriceVersion),
        row.Estimated ? "true" : "false",
        Number(row.LatencyMs),
        Number(row.TimeToFirstTokenMs));

    private static string? Number(long? number) => number?.ToString(CultureInfo.InvariantCulture);

    private static void Write(PipeWriter body, string text) => Encoding.UTF8.GetBytes(text, body);
}
