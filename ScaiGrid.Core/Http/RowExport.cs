using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace ScaiGrid.Core.Http;

/// <summary>
/// Answers with all rows of a list as one stream, page by page: the memory needed does not depend on their number. Rows are written as the list's
/// response has them; as CSV, each field of the row is a column.
/// </summary>
/// <typeparam name="TRow">A row as the list's response has it.</typeparam>
/// <param name="name">The file's name without its extension.</param>
/// <param name="format">One of <see cref="RowExport"/>'s formats, which is also the file's extension.</param>
/// <param name="pages">The rows.</param>
public sealed class RowExport<TRow>(string name, string format, IAsyncEnumerable<IReadOnlyList<TRow>> pages) : IResult
    where TRow : notnull
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, cancellationToken) = (httpContext.Response, httpContext.RequestAborted);
        var json = httpContext.RequestServices.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
        var columns = json.GetTypeInfo(typeof(TRow)).Properties;

        // The first page is read before the response starts: a later failure can only break it off.
        await using var page = pages.GetAsyncEnumerator(cancellationToken);
        var isFound = await page.MoveNextAsync();
        response.ContentType = format switch
        {
            RowExport.Csv => "text/csv; charset=utf-8",
            RowExport.Ndjson => "application/x-ndjson",
            _ => "application/json",
        };
        response.Headers.ContentDisposition = $"attachment; filename={name}.{format}";
        response.Headers.CacheControl = "no-store";
        var body = response.BodyWriter;
        Write(body, format switch
        {
            RowExport.Csv => Csv.Line(columns.Select(column => column.Name)),
            RowExport.Ndjson => "",
            _ => "[",
        });
        for (var isFirst = true; isFound; isFound = await page.MoveNextAsync())
        {
            foreach (var row in page.Current)
            {
                WriteRow(body, row, isFirst, columns, json);
                isFirst = false;
            }

            await body.FlushAsync(cancellationToken);
        }

        Write(body, format == RowExport.Json ? "]" : "");
        await body.FlushAsync(cancellationToken);
    }

    private void WriteRow(PipeWriter body, TRow row, bool isFirst, IList<JsonPropertyInfo> columns, JsonSerializerOptions json)
    {
        if (format == RowExport.Csv)
        {
            Write(body, Csv.Line(columns.Select(column => Cell(column.Get!(row), json))));
            return;
        }

        Write(body, format == RowExport.Json && !isFirst ? ",\n" : "");
        using (var writer = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = json.Encoder }))
        {
            JsonSerializer.Serialize(writer, row, json);
        }

        Write(body, format == RowExport.Ndjson ? "\n" : "");
    }

    private static string? Cell(object? value, JsonSerializerOptions json) => value switch
    {
        null => null,
        string text => text,
        bool flag => flag ? "true" : "false",
        DateTimeOffset time => WireTime.Format(time),
        JsonNode node => node.ToJsonString(json),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException($"No cell is known for a {value.GetType()}."),
    };

    private static void Write(PipeWriter body, string text) => Encoding.UTF8.GetBytes(text, body);
}

/// <summary>The formats of an export.</summary>
public static class RowExport
{
    public const string Csv = "csv";
    public const string Json = "json";
    public const string Ndjson = "ndjson";
}
