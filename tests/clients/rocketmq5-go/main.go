// Asks API 2022-08-01 through the official Go SDK. What it prints has gone through the SDK's models.
package main

import (
	"encoding/json"
	"errors"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/models"
	rocketmq "github.com/alibabacloud-go/rocketmq-20220801/v3/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

type ask struct {
	Name, Operation                 string
	Instance, Topic, Message, Group *string
	Query                           struct{ StartTime, EndTime, TopicName *string }
}

type job struct {
	Endpoint, Id, Secret string
	Asks                 []ask
}

type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status,omitempty"`
}

type answer struct {
	Name  string   `json:"name"`
	Data  any      `json:"data,omitempty"`
	Error *refusal `json:"error,omitempty"`
}

// The body of an answer is nil where there is an error.
func call(client *rocketmq.Client, ask ask) (any, error) {
	switch ask.Operation {
	case "GetTrace":
		request := &rocketmq.GetTraceRequest{StartTime: ask.Query.StartTime, EndTime: ask.Query.EndTime}
		response, err := client.GetTrace(ask.Instance, ask.Topic, ask.Message, request)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	case "GetMessageDetail":
		response, err := client.GetMessageDetail(ask.Instance, ask.Topic, ask.Message)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	case "ListTopicSubscriptions":
		response, err := client.ListTopicSubscriptions(ask.Instance, ask.Topic)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	case "GetConsumerGroupLag":
		request := &rocketmq.GetConsumerGroupLagRequest{TopicName: ask.Query.TopicName}
		response, err := client.GetConsumerGroupLag(ask.Instance, ask.Group, request)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	case "GetConsumerGroup":
		response, err := client.GetConsumerGroup(ask.Instance, ask.Group)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	case "GetInstance":
		response, err := client.GetInstance(ask.Instance)
		if err != nil {
			return nil, err
		}
		return response.Body, nil
	}
	return nil, errors.New("no operation " + ask.Operation)
}

func refused(err error) *refusal {
	var refused *tea.SDKError
	if errors.As(err, &refused) {
		return &refusal{
			Code:    dara.StringValue(refused.Code),
			Message: dara.StringValue(refused.Message),
			Status:  dara.IntValue(refused.StatusCode),
		}
	}
	return &refusal{Message: err.Error()}
}

func main() {
	var job job
	if err := json.NewDecoder(os.Stdin).Decode(&job); err != nil {
		panic(err)
	}
	client, err := rocketmq.NewClient(&openapi.Config{
		AccessKeyId:     &job.Id,
		AccessKeySecret: &job.Secret,
		Endpoint:        &job.Endpoint,
		Protocol:        dara.String("HTTP"),
	})
	if err != nil {
		panic(err)
	}
	out := json.NewEncoder(os.Stdout)
	for _, ask := range job.Asks {
		answer := answer{Name: ask.Name}
		body, err := call(client, ask)
		if err == nil {
			answer.Data = body
		} else {
			answer.Error = refused(err)
		}
		if err := out.Encode(answer); err != nil {
			panic(err)
		}
	}
}
